import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { Balancer } from '../balancer.ts'
import { CliError, ReaderGone } from '../cli/cli-error.ts'
import { EXIT } from '../cli/exit-codes.ts'
import type { StopSignals } from '../cli/signals.ts'
import type { Terminal } from '../cli/terminal.ts'
import { LimpetError } from '../errors.ts'
import type { SessionClosed, SessionOpened } from '../index.ts'
import { DemoBackend } from './backend.ts'
import { obey } from './commands.ts'
import { introduce } from './intro.ts'
import { Narrator } from './narrator.ts'

const NAMES = ['a', 'b', 'c']
const DEFAULT_PORT = 7000
/** Sessions end by themselves within this time, or are cut: whoever types Ctrl-C wants the prompt back. */
const DRAIN_MS = 2000

export interface DemoParts {
  stdin: NodeJS.ReadableStream
  stdout: Terminal
  env: NodeJS.ProcessEnv
  signals: StopSignals
}

/** Runs the demo until it is asked to stop, and returns its exit status. */
export async function demo({ stdin, stdout, env, signals }: DemoParts): Promise<number> {
  const port = portOf(env)
  const narrator = new Narrator(stdout, NAMES)
  const backends = NAMES.map(name => new DemoBackend(name))
  await Promise.all(backends.map(backend => backend.start()))
  const balancer = new Balancer(optionsOf(port, backends))
  const silence = tellSessions(narrator)
  try {
    await listen(balancer, port)
    introduce(narrator, (balancer.address() as AddressInfo).port, backends)
    await asked(narrator, signals, quit =>
      readCommands(stdin, line => obey({ narrator, pool: balancer.pool(), backends, quit }, line)),
    )
    await end(balancer, narrator, signals)
    await narrator.written()
    return EXIT.ok
  } catch (error) {
    if (error instanceof ReaderGone) return EXIT.ok
    throw error
  } finally {
    silence()
    await balancer.destroy()
    for (const backend of backends) backend.stop()
  }
}

function portOf({ LIMPET_DEMO_PORT, PORT }: NodeJS.ProcessEnv): number {
  // An empty variable is not set.
  const [name, text] = LIMPET_DEMO_PORT ? ['LIMPET_DEMO_PORT', LIMPET_DEMO_PORT] : ['PORT', PORT]
  if (!text) return DEFAULT_PORT
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new CliError(`${name} is ${JSON.stringify(text)}; give it a port from 0 to 65535`, EXIT.usage)
}

function optionsOf(port: number, backends: readonly DemoBackend[]): ConstructorParameters<typeof Balancer>[0] {
  return {
    listeners: [{ name: 'demo', bind: `127.0.0.1:${port}`, pool: 'demo' }],
    pools: {
      demo: {
        // Short, so that one can see clients come home.
        stickTable: { size: 1000, ttl: '20s' },
        timeouts: { connect: '1s' },
        backends: backends.map(({ name, address }) => ({ name, address })),
      },
    },
    log: { level: 'silent' },
  }
}

async function listen(balancer: Balancer, port: number): Promise<void> {
  try {
    await balancer.listen()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') {
      throw new CliError(`port ${port} is in use; give the demo another one: LIMPET_DEMO_PORT=7001 npm start`)
    }
    if (code === 'EACCES')
      throw new CliError(`port ${port} needs a privilege; give the demo another one: LIMPET_DEMO_PORT=7001 npm start`)
    if (error instanceof LimpetError) throw new CliError(error.message, EXIT.failed, { cause: error })
    throw error
  }
}

/** Returns how to stop it. */
function tellSessions(narrator: Narrator): () => void {
  const opened = (session: unknown): void => narrator.opened(session as SessionOpened)
  const closed = (session: unknown): void => narrator.closed(session as SessionClosed)
  subscribe('limpet:session:open', opened)
  subscribe('limpet:session:close', closed)
  return () => {
    unsubscribe('limpet:session:open', opened)
    unsubscribe('limpet:session:close', closed)
  }
}

/** Waits for a signal, for `quit`, or until nobody reads any more. */
async function asked(narrator: Narrator, signals: StopSignals, read: (quit: () => void) => () => void): Promise<void> {
  let stopReading: (() => void) | undefined
  const quit = new Promise<void>(resolve => {
    stopReading = read(resolve)
  })
  await Promise.race([signals.first, quit, narrator.lost])
  stopReading?.()
}

function readCommands(stdin: NodeJS.ReadableStream, obeyLine: (line: string) => Promise<void>): () => void {
  // A terminal that went away is no reason to stop: the demo goes on without commands.
  stdin.on('error', () => undefined)
  const lines = createInterface({ input: stdin, terminal: false })
  lines.on('line', line => void obeyLine(line))
  return () => lines.close()
}

async function end(balancer: Balancer, narrator: Narrator, signals: StopSignals): Promise<void> {
  const { sessions } = balancer.stats()
  if (sessions > 0) narrator.say(`Waiting ${DRAIN_MS / 1000} s for ${plural(sessions)} to end …`)
  void signals.second.then(() => balancer.destroy())
  const { cut } = await balancer.close({ timeoutMs: DRAIN_MS })
  narrator.say(cut === 0 ? 'Every session has finished. Bye.' : `${plural(cut)} cut. Bye.`)
}

function plural(sessions: number): string {
  return `${sessions} ${sessions === 1 ? 'session' : 'sessions'}`
}
