import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Answer, type DecodedPacket, decode, encode } from 'dns-packet'

/** What it does with a question, by the name that is asked for: records, a status, or something that no server should do. */
export type DnsBehaviour =
  | readonly Answer[]
  | 'NXDOMAIN'
  | 'SERVFAIL'
  | 'REFUSED'
  /** No error, and no record. */
  | 'empty'
  /** Says nothing. */
  | 'silent'
  /** By UDP there is more than it sends; what follows holds by TCP. */
  | { truncated: DnsBehaviour }
  /** Bytes of this answer are cut off. */
  | { cut: readonly Answer[] }
  /** First an answer to another question than was asked, then this. */
  | { forged: readonly Answer[]; good: DnsBehaviour }
  | { additionals: readonly Answer[]; answers: readonly Answer[] }

const STATUSES = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const
const IS_ANSWER = 0x8400
const IS_TRUNCATED = 0x0200

/** A DNS server on the loopback address that does what it is told. */
export class DnsServer implements AsyncDisposable {
  /** By `name TYPE`; what is not there is NXDOMAIN. */
  readonly zone = new Map<string, DnsBehaviour>()
  /** What was asked, like `a.test A udp`. */
  readonly asked: string[] = []
  port = 0
  readonly #udp = createSocket('udp4')
  readonly #tcp = createServer(socket => this.#serve(socket))
  readonly #sockets = new Set<Socket>()

  static async start(): Promise<DnsServer> {
    const server = new DnsServer()
    for (;;) {
      server.#tcp.listen(0, '127.0.0.1')
      await once(server.#tcp, 'listening')
      server.port = (server.#tcp.address() as AddressInfo).port
      if (await server.#bindUdp()) break
      server.#tcp.close()
      await once(server.#tcp, 'close')
    }
    server.#udp.on('message', (bytes, from) => server.#datagram(bytes, from))
    return server
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  set(name: string, type: string, behaviour: DnsBehaviour): void {
    this.zone.set(`${name} ${type}`, behaviour)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#tcp.close()
    this.#udp.close()
    await Promise.all([once(this.#tcp, 'close'), once(this.#udp, 'close')])
  }

  /** Whether the port that TCP has was free. */
  async #bindUdp(): Promise<boolean> {
    const bound = new Promise<boolean>(resolve => {
      this.#udp.once('listening', () => resolve(true))
      this.#udp.once('error', () => resolve(false))
    })
    this.#udp.bind(this.port, '127.0.0.1')
    return await bound
  }

  #datagram(bytes: Buffer, from: RemoteInfo): void {
    for (const answer of this.#answers(bytes, 'udp')) this.#udp.send(answer, from.port, from.address)
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.#sockets.delete(socket))
    let received = Buffer.alloc(0)
    socket.on('data', bytes => {
      received = Buffer.concat([received, bytes])
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
      for (const answer of this.#answers(received.subarray(2), 'tcp')) {
        const length = Buffer.alloc(2)
        length.writeUInt16BE(answer.length)
        // In pieces: TCP keeps no boundaries.
        socket.write(length.subarray(0, 1))
        socket.write(Buffer.concat([length.subarray(1), answer]))
      }
    })
  }

  #answers(bytes: Buffer, transport: 'udp' | 'tcp'): Buffer[] {
    const query = decode(bytes)
    const [question] = query.questions ?? []
    if (question === undefined) return []
    this.asked.push(`${question.name} ${question.type} ${transport}`)
    return answersTo(query, this.zone.get(`${question.name} ${question.type}`) ?? 'NXDOMAIN', transport)
  }
}

function answersTo(query: DecodedPacket, behaviour: DnsBehaviour, transport: 'udp' | 'tcp'): Buffer[] {
  if (behaviour === 'silent') return []
  if (behaviour === 'empty') return [message(query, [])]
  if (typeof behaviour === 'string') return [message(query, [], { flags: STATUSES[behaviour] })]
  if ('truncated' in behaviour)
    return transport === 'tcp'
      ? answersTo(query, behaviour.truncated, transport)
      : [message(query, [], { flags: IS_TRUNCATED })]
  if ('cut' in behaviour) return [message(query, behaviour.cut).subarray(0, -3)]
  if ('forged' in behaviour) {
    const { id = 0 } = query
    const [question] = query.questions ?? []
    const other = { ...query, questions: [{ type: 'A', name: `not.${question?.name ?? ''}` }] } as DecodedPacket
    return [
      message({ ...query, id: (id + 1) % 65_536 }, behaviour.forged),
      message(other, behaviour.forged),
      Buffer.from('nonsense'),
      ...answersTo(query, behaviour.good, transport),
    ]
  }
  if ('additionals' in behaviour) return [message(query, behaviour.answers, { additionals: behaviour.additionals })]
  return [message(query, behaviour)]
}

function message(
  { id, questions }: DecodedPacket,
  answers: readonly Answer[],
  { flags = 0, additionals = [] as readonly Answer[] } = {},
): Buffer {
  return encode({
    type: 'response',
    id: id ?? 0,
    flags: IS_ANSWER | flags,
    questions: questions ?? [],
    answers: [...answers],
    additionals: [...additionals],
  })
}

/** Records of one name. */
export function addresses(name: string, hosts: readonly string[], ttl = 1): Answer[] {
  return hosts.map(data => ({ type: data.includes(':') ? 'AAAA' : 'A', name, ttl, class: 'IN', data }))
}

export interface Srv {
  target: string
  port: number
  priority?: number
  weight?: number
}

export function services(name: string, all: readonly Srv[], ttl = 1): Answer[] {
  return all.map(data => ({ type: 'SRV', name, ttl, class: 'IN', data }))
}
