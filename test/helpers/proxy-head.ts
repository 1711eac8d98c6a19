import { decodeProxy, type ProxyHeader } from '../../src/protocol/proxy.ts'
import type { Conn } from './net.ts'

/** The header that a backend was sent, and its bytes; what follows it is left to be read. */
export async function headOf(conn: Conn): Promise<{ header: ProxyHeader; bytes: Buffer }> {
  let bytes = Buffer.alloc(0)
  for (;;) {
    const byte = await conn.read(1)
    bytes = Buffer.concat([bytes, byte])
    const verdict = decodeProxy(bytes)
    if (verdict.status === 'complete') return { header: verdict.header, bytes }
    if (byte.length === 0 || verdict.status === 'refused') throw new Error(`no header: ${bytes.toString('hex')}`)
  }
}
