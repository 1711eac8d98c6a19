import { styleText } from 'node:util'
import { CliError, ReaderGone } from './cli-error.ts'

/** A stream that text is written to, perhaps a terminal. */
export interface TextStream extends NodeJS.WritableStream {
  isTTY?: boolean
  columns?: number
  rows?: number
}

export type Format = Parameters<typeof styleText>[0]

/** Standard output or standard error: text with colours where they are welcome. */
export class Terminal {
  readonly isTerminal: boolean
  /** Whether styles are written. */
  readonly hasColours: boolean
  readonly #stream: TextStream
  #failure: Error | undefined

  constructor(stream: TextStream, env: NodeJS.ProcessEnv) {
    this.#stream = stream
    this.isTerminal = stream.isTTY === true
    // https://no-color.org: set, and not empty.
    this.hasColours = this.isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
    stream.on('error', error => {
      this.#failure ??= error
    })
  }

  /** Width of the terminal in characters; undefined: it is none, and nothing is to be cut. */
  get width(): number | undefined {
    const { columns = 0 } = this.#stream
    return this.isTerminal && columns > 0 ? columns : undefined
  }

  /** Height of the terminal in lines; undefined: it is none, or does not say. */
  get height(): number | undefined {
    const { rows = 0 } = this.#stream
    return this.isTerminal && rows > 0 ? rows : undefined
  }

  style(format: Format, text: string): string {
    // Whether to style was decided above, for this stream.
    return this.hasColours ? styleText(format, text, { validateStream: false }) : text
  }

  /** Shortens a line without styles to the width of the terminal. */
  cut(line: string): string {
    const { width } = this
    if (width === undefined || line.length <= width) return line
    const characters = Array.from(line)
    return characters.length <= width ? line : `${characters.slice(0, Math.max(1, width - 1)).join('')}…`
  }

  /**
   * Writes and waits until that is done, so that a fast writer does not outrun a slow reader.
   *
   * @throws {@link ReaderGone} nobody reads any more
   * @throws {@link CliError} it cannot be written, e.g. because the disk is full
   */
  async write(text: string | Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw outputError(this.#failure)
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(text, error => {
        if (error === undefined || error === null) resolve()
        else reject(outputError(error))
      })
    })
  }

  async line(text = ''): Promise<void> {
    await this.write(`${text}\n`)
  }
}

function outputError(error: NodeJS.ErrnoException): Error {
  if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') return new ReaderGone('nobody reads the output')
  return new CliError(`the output cannot be written: ${error.message}`, undefined, { cause: error })
}
