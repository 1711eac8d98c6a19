import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { PassThrough, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { TextStream } from '../../src/cli/terminal.ts'
import { compiled } from '../helpers/typescript/compiled.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const SOURCE_MAIN = join(ROOT, 'src/cli/main.ts')
export const DIST_MAIN = join(ROOT, 'dist/cli/main.js')
export const DEMO_MAIN = join(ROOT, 'src/demo/main.ts')

/** What a command of this process said. */
export interface Said {
  status: number
  stdout: string
  stderr: string
}

export interface CliContext {
  /** Standard input. */
  input?: string | Buffer | AsyncIterable<Buffer>
  env?: NodeJS.ProcessEnv
  /** Both outputs are a terminal of this width. */
  columns?: number
}

/** Runs the command line in this process: for everything that is no business of a process. */
export async function limpet(args: string[], { input = '', env = {}, columns }: CliContext = {}): Promise<Said> {
  // Mocha requires its files, and commands are imported when they are run: all must be of one kind to share their classes.
  const [{ runCli }, { Terminal }] = await Promise.all([
    import('../../src/cli/program.ts'),
    import('../../src/cli/terminal.ts'),
  ])
  const [stdout, stderr] = [new Recorder(columns), new Recorder(columns)]
  const stdin = typeof input === 'string' || Buffer.isBuffer(input) ? Readable.from([Buffer.from(input)]) : input
  const io = {
    stdin,
    stdout: new Terminal(stdout.stream, env),
    stderr: new Terminal(stderr.stream, env),
    env,
    signals: new EventEmitter(),
  }
  const status = await runCli(args, io)
  return { status, stdout: stdout.text, stderr: stderr.text }
}

/** Keeps what is written to a stream, which may play a terminal. */
export class Recorder {
  readonly stream: TextStream & PassThrough
  text = ''

  constructor(columns?: number) {
    this.stream = new PassThrough()
    if (columns !== undefined) Object.assign(this.stream, { isTTY: true, columns })
    this.stream.on('data', (chunk: Buffer) => {
      this.text += chunk.toString()
    })
  }
}

const directories: string[] = []

/** A file in a directory of its own, removed after the tests. */
export function fileOf(text: string | Buffer, name = 'limpet.yaml'): string {
  const directory = mkdtempSync(join(tmpdir(), 'limpet-cli-'))
  directories.push(directory)
  const file = join(directory, name)
  writeFileSync(file, text)
  return file
}

/** Stops and removes what the helpers made; call it in a root `after` of each file that uses them. */
export function cleanUp(): void {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const server of servers.splice(0)) server.close()
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
}

const children: ChildProcessWithoutNullStreams[] = []
const servers: Server[] = []

/** A child process whose output is read line by line. */
export class Child {
  readonly process: ChildProcessWithoutNullStreams
  readonly lines: string[] = []
  stderr = ''
  /** Exit status, or the name of the signal that ended it; all output has been read by then. */
  readonly exit: Promise<number | string>
  readonly #news = new EventEmitter().setMaxListeners(0)
  #hasEnded = false

  constructor(command: string, args: string[], env: NodeJS.ProcessEnv = {}) {
    this.process = spawn(command, args, { cwd: ROOT, env: { ...process.env, NO_COLOR: '1', ...env } })
    children.push(this.process)
    // A child that ends before it has read its input is no failure of the test.
    this.process.stdin.on('error', () => undefined)
    this.process.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString()
    })
    createInterface({ input: this.process.stdout }).on('line', line => {
      this.lines.push(line)
      this.#news.emit('news')
    })
    this.exit = once(this.process, 'close').then(([code, signal]) => {
      this.#hasEnded = true
      this.#news.emit('news')
      return (code ?? signal) as number | string
    })
  }

  get stdout(): string {
    return this.lines.map(line => `${line}\n`).join('')
  }

  /** The first line that fits, from `from` on; rejects when the child ends without one. */
  async line(pattern: RegExp, from = 0): Promise<string> {
    for (;;) {
      const found = this.lines.slice(from).find(line => pattern.test(line))
      if (found !== undefined) return found
      if (this.#hasEnded) throw new Error(`the child ended without a line ${pattern}:\n${this.stdout}${this.stderr}`)
      await once(this.#news, 'news')
    }
  }

  /** The first line of the JSON log with this message. */
  async logged(message: string): Promise<Record<string, unknown>> {
    return JSON.parse(await this.line(new RegExp(`"msg":"${message}"`))) as Record<string, unknown>
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }
}

/** Starts a script of the sources as a process of its own. */
export function startSource(script: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): Child {
  return new Child(process.execPath, [compiled(script), ...args], env)
}

/** A server that greets with its name and echoes. */
export async function echoServer(name: string): Promise<{ address: string; server: Server }> {
  const server = createServer(client => {
    client.on('error', () => client.destroy())
    client.write(`${name}\n`)
    client.pipe(client)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { address: `127.0.0.1:${portOf(server)}`, server }
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

/** What a socket has received, once it fits. */
export async function received(socket: Socket, pattern: RegExp): Promise<string> {
  let text = ''
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    text += chunk.toString()
    if (pattern.test(text)) return text
  }
}

/** Resolves when a socket is closed, by a reset, too. */
export async function gone(socket: Socket): Promise<void> {
  socket.on('error', () => socket.destroy())
  await new Promise<void>(resolve => socket.once('close', () => resolve()))
}

/** A configuration with one listener on a free port. */
export function runnable(backends: readonly string[], settings = ''): string {
  const entries = backends.map((address, index) => `      - { name: s${index}, address: "${address}" }`)
  return [
    'listeners: [{ name: l, bind: 127.0.0.1:0, pool: p }]',
    'pools:',
    '  p:',
    '    secret: "for the tests only"',
    '    backends:',
    ...entries,
    settings,
    '',
  ].join('\n')
}
