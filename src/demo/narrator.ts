import type { Format, Terminal } from '../cli/terminal.ts'
import type { Reason, SessionClosed, SessionOpened } from '../index.ts'

const BACKEND_FORMATS: Format[] = ['cyan', 'yellow', 'magenta']

const REASON_TEXTS: Record<Reason, { format: Format; text: string }> = {
  pin: { format: 'green', text: 'it was here before' },
  home: { format: 'green', text: 'its home' },
  overflow: { format: 'yellow', text: 'its home is at its bound' },
  failover: { format: 'yellow', text: 'its home may not serve' },
  redispatch: { format: 'red', text: 'another backend did not answer' },
  returned: { format: 'green', text: 'home again' },
  cookie: { format: 'green', text: 'named by its cookie' },
  nokey: { format: 'dim', text: 'a client without a key' },
}

const ENDS: Record<string, string> = {
  endFinished: 'finished',
  endClientReset: 'the client reset it',
  endBackendReset: 'the backend went away',
  endClientGone: 'the client left before it was connected',
  endIdleTimeout: 'idle for too long',
  endFinTimeout: 'half closed for too long',
  endShutdown: 'cut at the end',
  endClosed: 'closed by the operator',
  refusedNoBackend: 'refused: no backend answered',
  refusedPoolFull: 'refused: every backend is full',
  refusedKeySessions: 'refused: the client has as many sessions as it may have',
  refusedKeyRate: 'refused: the client comes too fast',
  refusedAdmission: 'refused: its backend takes no more for now',
  refusedQueueFull: 'refused: every backend is full, and too many wait already',
  refusedQueueTimeout: 'refused: every backend was full for too long',
  refusedNoKey: 'refused: the client has no key',
  refusedNoRoute: 'refused: the listener has no route for the client',
  refusedProxyInvalid: 'refused: no PROXY header, or a malformed one',
  refusedProxyTimeout: 'refused: the PROXY header did not come in time',
  refusedTls: 'refused: no TLS handshake',
}

/** Says what happens, a line for each decision. */
export class Narrator {
  readonly #terminal: Terminal
  readonly #names: readonly string[]
  /** Rejects when nobody reads any more, or nothing can be written. */
  readonly lost: Promise<never>
  #lose: (error: Error) => void = () => undefined
  #writing: Promise<void> = Promise.resolve()
  /** Lines about sessions that were told at once. */
  #told: { time: number; line: string }[] = []

  constructor(terminal: Terminal, names: readonly string[]) {
    this.#terminal = terminal
    this.#names = names
    this.lost = new Promise((_, reject) => {
      this.#lose = reject
    })
    // It is told to whoever waits for it, if anybody does.
    this.lost.catch(() => undefined)
  }

  /** Resolves when everything said so far was written, or is lost. */
  async written(): Promise<void> {
    this.#sayTold()
    await this.#writing
  }

  say(text = ''): void {
    this.#sayTold()
    this.#write(text)
  }

  #write(text: string): void {
    this.#writing = this.#writing.then(() => this.#terminal.line(text)).catch((error: Error) => this.#lose(error))
  }

  opened({ time, clientAddress, clientPort, backend, reason }: SessionOpened): void {
    const why = reason === undefined ? undefined : REASON_TEXTS[reason]
    const what =
      reason === undefined || why === undefined
        ? ''
        : `${this.#terminal.style(why.format, reason.padEnd(10))} ${this.style('dim', why.text)}`
    this.#session(time, clientAddress, clientPort, '→', backend, what)
  }

  closed(session: SessionClosed): void {
    const { time, clientAddress, clientPort, backend, cause, bytesToBackend, bytesToClient, durationMs } = session
    const end = ENDS[cause] ?? cause
    const figures = `${(durationMs / 1000).toFixed(1)} s, ${bytesToBackend} B in, ${bytesToClient} B out`
    const what = backend === undefined ? this.style('red', end) : this.style('dim', `${end}: ${figures}`)
    this.#session(time, clientAddress, clientPort, '×', backend, what)
  }

  /** The name of a backend in its own colour. */
  backend(name: string): string {
    const format = BACKEND_FORMATS[this.#names.indexOf(name) % BACKEND_FORMATS.length]
    return format === undefined ? name : this.style(format, name)
  }

  style(format: Format, text: string): string {
    return this.#terminal.style(format, text)
  }

  #session(time: number, host = '?', port = 0, arrow: string, backend: string | undefined, what: string): void {
    const clock = this.style('dim', new Date(time).toLocaleTimeString('en-GB'))
    const target = backend === undefined ? '-' : this.backend(backend)
    const line = `${clock}  ${`${host}:${port}`.padEnd(21)} ${arrow} ${target}  ${what}`
    if (this.#told.push({ time, line }) === 1) queueMicrotask(() => this.#sayTold())
  }

  /** Each thread of the relay tells its sessions in order, but what several tell at once is in order by its times only. */
  #sayTold(): void {
    const lines = this.#told.sort((left, right) => left.time - right.time)
    this.#told = []
    for (const { line } of lines) this.#write(line)
  }
}
