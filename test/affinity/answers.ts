/** What servers answer, and what they have told their clients before, made by hand from the texts of the protocols. */
import { extension, handshake, u16, withLength } from '../../src/bench/keys/heads.ts'

/** A ServerHello: of TLS 1.2, or of 1.3, where `session` is what the client has sent. `random` fills its 32 bytes. */
export function serverHello(
  session: Buffer,
  { random, isTls13 = false }: { random: string; isTls13?: boolean },
): Buffer {
  const chosen = isTls13 ? [extension(43, u16(0x0304))] : [extension(0xff01, Buffer.from([0]))]
  const body = Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, random),
    withLength(1, session),
    u16(0xc02b),
    Buffer.from([0]),
    withLength(2, ...chosen),
  ])
  return handshake(2, body)
}

/** The session id of a ClientHello or a ServerHello in one record: both have it in the same place. */
export function sessionIdOf(hello: Buffer): Buffer {
  return hello.subarray(44, 44 + hello.readUInt8(43))
}

/** The routing token of an IPv4 address and a port (MSFT-SDLBTS): numbers as a little-endian machine reads them. */
export function routingToken(address: string, port: number): string {
  const number = Buffer.from(address.split('.').map(Number)).readUInt32LE()
  return `Cookie: msts=${number}.${u16(port).readUInt16LE()}.0000`
}
