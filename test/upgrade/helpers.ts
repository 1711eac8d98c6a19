import type { BalancerOptions, ListenerOptions } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { LimpetRun } from '../helpers/limpet-run.ts'
import { Conn, type Dial } from '../helpers/net.ts'
import { afterTest, startBackend } from '../lifecycle/helpers.ts'

/** Acceptor and relay of a listener. */
export const WAYS = [
  { acceptor: 'native', relay: 'native' },
  { acceptor: 'net', relay: 'native' },
  { acceptor: 'net', relay: 'stream' },
] as const
export type Way = (typeof WAYS)[number]

/** What backends say first: their names. */
const GREETINGS = ['b0', 'b1']
const GREETING_BYTES = 2

/** A place with a configuration, and two backends that greet and echo. */
export class Site {
  readonly directory: Directory
  readonly file: string
  readonly admin: string
  readonly unix: string
  readonly #backends: { name: string; address: string }[]
  readonly #way: Way

  private constructor(directory: Directory, backends: { name: string; address: string }[], way: Way) {
    this.directory = directory
    this.file = directory.file('limpet.yaml')
    this.admin = directory.file('admin.sock')
    this.unix = directory.file('clients.sock')
    this.#backends = backends
    this.#way = way
  }

  static async make(way: Way = WAYS[0]): Promise<Site> {
    const directory = await Directory.make()
    afterTest(() => directory[Symbol.asyncDispose]())
    const named = await Promise.all(
      GREETINGS.map(async greeting => {
        const { address } = await startBackend(socket => {
          socket.write(greeting)
          socket.pipe(socket)
        })
        return { name: greeting, address }
      }),
    )
    const site = new Site(directory, named, way)
    await site.write()
    return site
  }

  /** Weight of the first backend. */
  weight = 1

  config(changes: Partial<BalancerOptions> = {}): BalancerOptions {
    const [first, ...others] = this.#backends
    const backends = first === undefined ? [] : [{ ...first, weight: this.weight }, ...others]
    return {
      listeners: [this.listener('tcp', '127.0.0.1:0'), this.listener('unix', `unix:${this.unix}`)],
      pools: { p: { secret: 'a secret of tests', backends } },
      admin: { listen: `unix:${this.admin}` },
      shutdownTimeout: '60s',
      ...changes,
    }
  }

  listener(name: string, bind: string): ListenerOptions {
    return { name, bind, pool: 'p', ...this.#way }
  }

  async write(changes: Partial<BalancerOptions> = {}): Promise<void> {
    await LimpetRun.write(this.file, this.config(changes))
  }

  async start(...options: string[]): Promise<LimpetRun> {
    const run = await LimpetRun.start(this.file, options)
    afterTest(() => run[Symbol.asyncDispose]())
    return run
  }

  /** Starts what is killed at a point of its life, as `die-at.ts` has it, and waits until it is ready. */
  async startToDie(point: string | undefined): Promise<LimpetRun> {
    const run = this.beginToDie(point)
    await run.says('"msg":"ready"')
    return run
  }

  /** The same, and does not wait. */
  beginToDie(point: string | undefined, ...options: string[]): LimpetRun {
    const run = LimpetRun.begin(this.file, options, {}, point)
    afterTest(() => run[Symbol.asyncDispose]())
    return run
  }

  /** Starts what is not to become ready; waits for its end. */
  async startInVain(...options: string[]): Promise<{ code: number | null; output: string }> {
    const run = LimpetRun.begin(this.file, options)
    afterTest(() => run[Symbol.asyncDispose]())
    const { code } = await run.exited
    return { code, output: run.output }
  }
}

/** A session that was greeted. */
export async function openSession(dial: Dial): Promise<Conn> {
  const conn = await Conn.open(dial)
  await conn.read(GREETING_BYTES)
  return conn
}

export async function echoes(conn: Conn, text: string): Promise<boolean> {
  await conn.send(text)
  return (await conn.read(text.length)).toString() === text
}

/** A whole session: the name of its backend. Rejects when it was refused, reset, or answered otherwise. */
export async function session(dial: Dial): Promise<string> {
  const conn = await Conn.open(dial)
  const name = (await conn.read(GREETING_BYTES)).toString()
  if (!(await echoes(conn, 'x'))) throw new Error('not what was sent')
  conn.finish()
  await conn.closed
  if (conn.error !== undefined) throw conn.error
  return name
}

export async function serves(dial: Dial): Promise<boolean> {
  return (await session(dial)) !== ''
}
