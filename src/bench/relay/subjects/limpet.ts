import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { AffinityOptions } from '../../../config/options.ts'
import { VERSION } from '../../../package-info.ts'
import { ROOT } from '../../programs.ts'
import { Child } from '../child.ts'
import type { Rig, Running, Subject, SubjectId } from '../subject.ts'

const MAIN = join(ROOT, 'dist', 'cli', 'main.js')
const run = promisify(execFile)

/** How Limpet is told to accept, to carry, and to know its clients. */
interface Ways {
  acceptor: 'native' | 'net'
  relay: 'native' | 'stream'
  affinity?: Pick<AffinityOptions, 'key' | 'fallback'>
  /** Clients begin with a PROXY header. */
  isBehindProxies?: boolean
}

/** Limpet, as `limpet run` starts it. */
export function limpet(id: SubjectId, name: string, ways: Ways): Subject {
  return {
    id,
    name,
    hasProcess: true,
    probe: directory => probe(ways, directory),
    start: rig => start(ways, rig),
  }
}

/** JSON is YAML, too. What is not said is what users get who do not say it. */
export function limpetConfig(
  { acceptor, relay, affinity = {}, isBehindProxies = false }: Ways,
  backends: readonly number[],
  threads: number,
): string {
  const servers = backends.map((port, i) => ({ name: `b${i}`, address: `127.0.0.1:${port}` }))
  const behind = isBehindProxies ? { proxyProtocol: { accept: 'on', trust: ['127.0.0.0/8'] } } : {}
  return JSON.stringify({
    threads,
    listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', acceptor, relay, ...behind }],
    pools: { p: { secret: 'a secret of the benchmark', affinity, backends: servers } },
  })
}

/** Whether this Limpet knows such an acceptor and relay, and has them on this machine. */
async function probe(ways: Ways, directory: string): Promise<{ version: string } | { missing: string }> {
  const file = join(directory, 'probe.yaml')
  await writeFile(file, limpetConfig(ways, [9], 1))
  try {
    await run(process.execPath, [MAIN, 'check', '--json', '-c', file])
    return { version: VERSION }
  } catch (error) {
    return { missing: problemsOf(error as Error & { stdout?: string }) }
  }
}

/** What `check --json` found, or how it failed. */
function problemsOf({ stdout = '', message }: Error & { stdout?: string }): string {
  if (!stdout.startsWith('{')) return message
  const { problems } = JSON.parse(stdout) as { problems: { message: string }[] }
  return problems.map(problem => problem.message).join('; ')
}

async function start(ways: Ways, { backends, threads, directory, signal }: Rig): Promise<Running> {
  const file = join(directory, 'limpet.yaml')
  await writeFile(file, limpetConfig(ways, backends, threads))
  const child = new Child(process.execPath, [MAIN, 'run', '-c', file], 'SIGKILL')
  try {
    const port = await child.line(portOf, signal)
    await child.line(line => (line.includes('"msg":"ready"') ? true : undefined), signal)
    return { ports: [port], pids: [child.pid], [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() }
  } catch (error) {
    await child[Symbol.asyncDispose]()
    throw error
  }
}

function portOf(line: string): number | undefined {
  if (!line.includes('"msg":"listening"')) return undefined
  const { address } = JSON.parse(line) as { address: string }
  return Number(address.slice(address.lastIndexOf(':') + 1))
}
