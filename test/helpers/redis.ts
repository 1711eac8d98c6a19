import { Conn, type Dial } from './net.ts'
import { startOnFreePort } from './on-free-port.ts'
import { Program } from './programs.ts'
import { within } from './wait.ts'

/** What a Redis server answers (RESP2). */
export type Reply = string | number | null | Error | Reply[]

/** A Redis server of a test, which keeps nothing on the disk. */
export class RedisServer implements AsyncDisposable {
  readonly name: string
  readonly port: number
  readonly #program: Program

  private constructor(name: string, port: number, program: Program) {
    this.name = name
    this.port = port
    this.#program = program
  }

  /** Starts one that knows its name under the key `name`. */
  static async start(file: string, name: string, directory: string): Promise<RedisServer> {
    const { program, port } = await startOnFreePort(
      at => RedisServer.#run(file, at, ['--dir', directory]),
      async (started, at) => {
        await started.says('Ready to accept connections')
        const client = await RedisClient.open({ host: '127.0.0.1', port: at })
        await client.command('SET', 'name', name)
        client.close()
      },
    )
    return new RedisServer(name, port, program)
  }

  /** Starts an empty one with other settings, on a free port or the one that is given. */
  static async bare(file: string, settings: readonly string[], port?: number): Promise<RedisServer> {
    const ready = async (program: Program): Promise<void> => await program.says('Ready to accept connections')
    if (port !== undefined) {
      const program = RedisServer.#run(file, port, settings)
      await ready(program)
      return new RedisServer('', port, program)
    }
    const started = await startOnFreePort(at => RedisServer.#run(file, at, settings), ready)
    return new RedisServer('', started.port, started.program)
  }

  /** Starts a Sentinel, which writes what it finds out into its file of settings. */
  static async sentinel(file: string, settings: string): Promise<RedisServer> {
    const { program, port } = await startOnFreePort(
      at => new Program(file, [settings, '--sentinel', '--port', String(at), '--bind', '127.0.0.1']),
      async started => await started.says('Sentinel ID is'),
    )
    return new RedisServer('', port, program)
  }

  /** A setting that comes later wins. */
  static #run(file: string, port: number, settings: readonly string[]): Program {
    const place = ['--port', String(port), '--bind', '127.0.0.1']
    return new Program(file, [...place, '--save', '', '--appendonly', 'no', ...settings])
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Freezes it: its port still takes connections, and nobody answers; or lets it go on. */
  freeze(isFrozen: boolean): void {
    this.#program.child.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT')
  }

  /** One command over a connection of its own. */
  async command(...args: readonly string[]): Promise<Reply> {
    const client = await RedisClient.open({ host: '127.0.0.1', port: this.port })
    try {
      return await client.command(...args)
    } finally {
      client.close()
    }
  }

  async kill(): Promise<void> {
    await this.#program.stop('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
  }
}

/** A client of a Redis server. */
export class RedisClient {
  readonly conn: Conn
  #buffer = Buffer.alloc(0)
  #parts: Buffer[] = []
  /** Bytes that the reply under way needs at least, as far as is known. */
  #needed = 0
  readonly #replies: Reply[] = []
  readonly #waiting: ((reply: Reply) => void)[] = []

  constructor(conn: Conn) {
    this.conn = conn
    conn.socket.on('data', (chunk: Buffer) => this.#arrived(chunk))
    void conn.closed.then(() => {
      for (const resolve of this.#waiting.splice(0)) resolve(new Error('closed'))
    })
  }

  static async open(dial: Dial): Promise<RedisClient> {
    return new RedisClient(await Conn.open(dial))
  }

  /** Sends a command, and gives the reply. */
  async command(...args: readonly (string | Buffer)[]): Promise<Reply> {
    this.send(...args)
    return await this.next(`a reply of Redis to ${args[0]}`)
  }

  /** Sends a command, whose reply is one of the next ones. */
  send(...args: readonly (string | Buffer)[]): void {
    const { socket } = this.conn
    socket.cork()
    socket.write(`*${args.length}\r\n`)
    for (const arg of args) {
      socket.write(`$${Buffer.byteLength(arg)}\r\n`)
      socket.write(arg)
      socket.write('\r\n')
    }
    socket.uncork()
  }

  /** The next reply, or pushed message. */
  async next(what = 'a reply of Redis'): Promise<Reply> {
    const reply = this.#replies.shift()
    if (reply !== undefined) return reply
    const next = new Promise<Reply>(resolve => {
      if (this.conn.socket.destroyed) resolve(new Error('closed'))
      else this.#waiting.push(resolve)
    })
    return await within(what, next)
  }

  close(): void {
    this.conn.destroy()
  }

  #arrived(chunk: Buffer): void {
    this.#parts.push(chunk)
    // Large values come in thousands of chunks: they are joined once there is enough.
    if (this.#parts.reduce((total, part) => total + part.length, this.#buffer.length) < this.#needed) return
    this.#buffer = Buffer.concat([this.#buffer, ...this.#parts.splice(0)])
    this.#needed = 0
    for (let parsed = this.#parse(0); parsed !== undefined; parsed = this.#parse(0)) {
      this.#buffer = this.#buffer.subarray(parsed.end)
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.#replies.push(parsed.reply)
      else waiting(parsed.reply)
    }
  }

  /** The reply that begins there, if it is whole. */
  #parse(at: number): { reply: Reply; end: number } | undefined {
    const line = this.#buffer.indexOf('\r\n', at)
    if (line < 0) return undefined
    const text = this.#buffer.toString('utf8', at + 1, line)
    const begin = line + 2
    switch (this.#buffer.toString('latin1', at, at + 1)) {
      case '+':
        return { reply: text, end: begin }
      case '-':
        return { reply: new Error(text), end: begin }
      case ':':
        return { reply: Number(text), end: begin }
      case '$':
        return this.#parseText(Number(text), begin)
      case '*':
        return this.#parseList(Number(text), begin)
      default:
        throw new Error(`no reply of Redis: ${JSON.stringify(this.#buffer.toString('latin1', at, at + 40))}`)
    }
  }

  #parseText(length: number, begin: number): { reply: Reply; end: number } | undefined {
    if (length < 0) return { reply: null, end: begin }
    const end = begin + length + 2
    if (this.#buffer.length >= end) return { reply: this.#buffer.toString('latin1', begin, end - 2), end }
    this.#needed = end
    return undefined
  }

  #parseList(length: number, begin: number): { reply: Reply; end: number } | undefined {
    if (length < 0) return { reply: null, end: begin }
    const list: Reply[] = []
    let at = begin
    while (list.length < length) {
      const item = this.#parse(at)
      if (item === undefined) return undefined
      list.push(item.reply)
      at = item.end
    }
    return { reply: list, end: at }
  }
}
