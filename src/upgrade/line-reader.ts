import type { Socket } from 'node:net'
import { LimpetError } from '../errors.ts'
import { LONGEST_LINE } from './messages.ts'

const LINE_FEED = 0x0a

/** Reads a connection line by line. */
export class LineReader {
  readonly #socket: Socket
  #rest: Buffer = Buffer.alloc(0)
  readonly #chunks: AsyncIterator<Buffer>

  constructor(socket: Socket) {
    this.#socket = socket
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** The next line; undefined: the other side has ended it, or it broke, or is no text of lines. */
  async next(): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(LINE_FEED)
      if (end >= 0) {
        const line = this.#rest.subarray(0, end).toString()
        this.#rest = this.#rest.subarray(end + 1)
        return line
      }
      if (this.#rest.length > LONGEST_LINE || !(await this.#more())) return undefined
    }
  }

  /**
   * The lines up to this one, which is left out.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_TAKEOVER`: the connection ended before
   */
  async *until(last: string): AsyncGenerator<string, void> {
    for (let line = await this.next(); line !== last; line = await this.next()) {
      if (line === undefined)
        throw new LimpetError('LIMPET_ERR_TAKEOVER', 'the running process broke off, or said nothing for too long')
      yield line
    }
  }

  async #more(): Promise<boolean> {
    try {
      const { done = false, value } = await this.#chunks.next()
      if (done) return false
      this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value])
      return true
    } catch {
      // A connection that broke is one that ended.
      this.#socket.destroy()
      return false
    }
  }
}

const WRITE_BYTES = 64 * 1024

/** Writes lines, no faster than the other side reads them. Rejects when it is gone. */
export async function writeLines(socket: Socket, lines: Iterable<string> | AsyncIterable<string>): Promise<void> {
  let text = ''
  for await (const line of lines) {
    text += `${line}\n`
    if (text.length < WRITE_BYTES) continue
    await write(socket, text)
    text = ''
  }
  if (text !== '') await write(socket, text)
}

async function write(socket: Socket, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.write(text, error => (error === undefined || error === null ? resolve() : reject(error)))
  })
}
