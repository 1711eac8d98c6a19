import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Pattern, randomOf, Tally } from './hash.ts'
import { within } from './wait.ts'

/** Where a test connects to, and from where. */
export interface Dial {
  host?: string
  port?: number
  /** A unix socket, instead of host and port. */
  path?: string
  localAddress?: string
  localPort?: number
}

/** What `net.Server#address()` gives, as a place to connect to. */
export function toDial(address: AddressInfo | string | null): Dial {
  if (address === null) throw new Error('nothing listens')
  if (typeof address === 'string') return { path: address }
  return { host: address.address === '::' ? '::1' : address.address, port: address.port }
}

/** One end of a connection, with what a test asks of it. */
export class Conn {
  readonly socket: Socket
  /** Everything that was read, by whichever method. */
  readonly received = new Tally()
  readonly sent = new Tally()
  /** The connection broke. */
  error: NodeJS.ErrnoException | undefined
  /** Resolves when both directions are over, however that came. */
  readonly closed: Promise<void>

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', error => {
      this.error = error
    })
    this.closed = new Promise(resolve => {
      if (socket.destroyed && socket.closed) resolve()
      else socket.once('close', () => resolve())
    })
  }

  /** Connects; rejects with the system's error. */
  static async open(dial: Dial): Promise<Conn> {
    const socket = connect({ ...dial, allowHalfOpen: true, noDelay: true } as Parameters<typeof connect>[0] & object)
    try {
      await within(`connect to ${JSON.stringify(dial)}`, once(socket, 'connect'))
    } catch (error) {
      socket.destroy()
      throw error
    }
    return new Conn(socket)
  }

  /** Sends, and waits until the system has taken the bytes. */
  async send(data: string | Buffer): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    this.sent.add(bytes)
    await within(`send ${bytes.length} bytes`, this.#write(bytes))
  }

  /** Sends a pattern in chunks of random sizes, at most as fast as the other end reads. */
  async sendPattern(seed: number, bytes: number, largest = 64 * 1024): Promise<void> {
    const pattern = new Pattern(seed)
    const random = randomOf(seed)
    for (let left = bytes; left > 0; ) {
      const chunk = pattern.next(Math.min(left, 1 + random(largest)))
      await this.send(chunk)
      left -= chunk.length
    }
  }

  /** Says that nothing more comes (FIN). */
  finish(): void {
    this.socket.end()
  }

  /** Breaks the connection (RST), now: resetAndDestroy() would write what waits, and a FIN, before. */
  reset(): void {
    const { socket } = this
    const { _handle: handle } = socket as unknown as { _handle?: { reset?: unknown } | null }
    // A unix socket has no reset: Node would wait for one that never comes.
    if (handle?.reset === undefined) socket.destroy()
    // Node takes a reset that libuv refuses, because of a shutdown that waits, for done: the process could not end then.
    else if (socket.writableEnded && !socket.writableFinished) socket.destroy()
    else Object.assign(socket, { resetAndClosing: true }).destroy()
  }

  /** Reads exactly so many bytes; fewer only where the connection ended. */
  async read(bytes: number): Promise<Buffer> {
    const { socket } = this
    const parts: Buffer[] = []
    let missing = bytes
    while (missing > 0 && !socket.readableEnded && !socket.destroyed) {
      // Asking for more than there is would raise the stream's high water mark, and with it what it reads ahead.
      const chunk: Buffer | null = socket.read(Math.min(missing, socket.readableLength))
      if (chunk === null) {
        if (!socket.readableEnded) await within(`read ${missing} of ${bytes} bytes`, this.#readable())
        continue
      }
      this.received.add(chunk)
      parts.push(chunk)
      missing -= chunk.length
    }
    return Buffer.concat(parts)
  }

  /** Reads up to the next line feed, which is not part of the line. */
  async line(): Promise<string> {
    let text = ''
    for (;;) {
      const byte = await this.read(1)
      if (byte.length === 0 || byte[0] === 10) return text
      text += byte.toString('latin1')
    }
  }

  /** Sends and reads as many bytes back. */
  async echo(data: string): Promise<string> {
    await this.send(data)
    return (await this.read(Buffer.byteLength(data))).toString()
  }

  /** Reads up to the peer's FIN; gives the sum of everything that was ever read. Rejects where the connection broke. */
  async drain(): Promise<string> {
    const { socket } = this
    this.#flow()
    if (!socket.readableEnded) {
      const over = new Promise<void>((resolve, reject) => {
        socket.once('end', resolve).once('error', reject)
        socket.once('close', () => reject(new Error('closed before the end')))
      })
      await within('the end of the input', over)
    }
    return this.received.sum
  }

  /** Waits for the end of the connection, reading and dropping what still comes; gives how it ended. */
  async over(): Promise<'end' | 'reset'> {
    this.#flow()
    const { socket } = this
    const end = new Promise<void>(resolve => {
      if (socket.readableEnded) resolve()
      else socket.once('end', resolve)
    })
    await within('the end of the connection', Promise.race([end, this.closed]))
    return this.error === undefined ? 'end' : 'reset'
  }

  /** Drops it without ceremony. */
  destroy(): void {
    this.socket.destroy()
  }

  #flow(): void {
    this.socket.on('data', (chunk: Buffer) => this.received.add(chunk)).resume()
  }

  async #write(bytes: Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.socket.write(bytes, error => (error ? reject(error) : resolve()))
    })
  }

  async #readable(): Promise<void> {
    const { socket } = this
    await new Promise<void>(resolve => {
      const done = (): void => {
        socket.off('readable', done).off('end', done).off('close', done)
        resolve()
      }
      socket.on('readable', done).on('end', done).on('close', done)
    })
  }
}

const PORTS = { first: 10_000, count: 22_000 }

/**
 * A port on which nothing listens. It is below the range of local ports, so that no outgoing connection takes it by
 * chance, nor meets itself on it.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count)
    const server = createServer()
    const isFree = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false)).listen(port, host, () => resolve(true))
    })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
  throw new Error('no free port was found')
}

/** The n-th client address of 127.0.0.0/8; never 127.0.0.1, from which everything else of the tests comes. */
export function clientAddress(n: number): string {
  const at = n + 2
  return `127.${1 + ((at >> 16) & 0x7f)}.${(at >> 8) & 0xff}.${at & 0xff}`
}
