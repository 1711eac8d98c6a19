import { isDeepStrictEqual } from 'node:util'
import type { ResolvedPool } from '../config/resolved.ts'
import type { PoolCore } from '../pool/core.ts'
import type { BackendRecord } from '../pool/records.ts'
import { askAgent } from './agent-line.ts'
import { type AgentWords, readAgentLine } from './agent-words.ts'
import { CheckFailure } from './check.ts'
import { Gate } from './gate.ts'
import { type Question, Rounds } from './rounds.ts'

/** What became of asking an agent, where that is news. */
export interface AgentChange {
  core: PoolCore
  backend: BackendRecord
  /** `said`: something else than before; `lost`: it does not answer any more; `found`: it does again; `odd`: words of it mean nothing. */
  kind: 'said' | 'lost' | 'found' | 'odd'
  /** Why it is lost, or what is odd. */
  reason?: string
}

export type AgentChanged = (change: AgentChange) => void

/** Agents that are asked at one time, of all pools: their sockets come out of the same reserve as those of checks. */
const AT_ONCE = 16
/** An answer that takes longer is none. */
const ANSWER_MS = 2000

/** Asks the agents of the backends of all pools that have some, as long as a balancer listens. */
export class AgentMonitor {
  readonly #gate = new Gate(AT_ONCE)
  readonly #changed: AgentChanged
  readonly #pools = new Map<PoolCore, Map<string, Asker>>()

  constructor(changed: AgentChanged) {
    this.#changed = changed
  }

  /** Begins to ask; resolves when each one has answered once, or has not. */
  async start(cores: Iterable<PoolCore>): Promise<void> {
    const first: Promise<void>[] = []
    for (const core of cores) {
      const askers = new Map<string, Asker>()
      this.#pools.set(core, askers)
      this.followAll()
      for (const asker of askers.values()) first.push(asker.first)
    }
    await Promise.all(first)
  }

  /** Other agents are asked, or at another pace. What was said stays until they say something, or if there are none. */
  reconfigure(core: PoolCore, before: Pick<ResolvedPool, 'agent'>): void {
    const askers = this.#pools.get(core)
    if (askers === undefined || isDeepStrictEqual(core.settings.agent, before.agent)) return
    for (const [name, asker] of [...askers]) {
      asker.stop()
      askers.delete(name)
      if (core.settings.agent.port === 0) core.reports.forgetAgent(name)
    }
    this.followAll()
  }

  /** Backends may have been added, changed or removed while nobody could tell. */
  followAll(): void {
    for (const [core, askers] of this.#pools) {
      const names = [...core.backends()].map(({ name }) => name)
      for (const name of new Set([...askers.keys(), ...names])) this.follow(core, name)
    }
  }

  /** A backend was added, changed or removed. */
  follow(core: PoolCore, name: string): void {
    const askers = this.#pools.get(core)
    if (askers === undefined) return
    const host = agentHost(core, name)
    const known = askers.get(name)
    if (known?.host === host) return
    known?.stop()
    askers.delete(name)
    if (known !== undefined || host === undefined) core.reports.forgetAgent(name)
    if (host === undefined) return
    core.agents.begin(name)
    askers.set(name, new Asker(core, { name, host }, this.#gate, this.#changed))
  }

  /** A pool is gone. */
  drop(core: PoolCore): void {
    for (const asker of this.#pools.get(core)?.values() ?? []) asker.stop()
    this.#pools.delete(core)
  }

  /** Nobody is asked any more; what was said stays. */
  stop(): void {
    for (const askers of this.#pools.values()) for (const asker of askers.values()) asker.stop()
    this.#pools.clear()
  }

  /** Stops, and forgets what was said. */
  abandon(): void {
    const asked = [...this.#pools].flatMap(([core, askers]) => [...askers.keys()].map(name => ({ core, name })))
    this.stop()
    for (const { core, name } of asked) core.reports.forgetAgent(name)
  }
}

/** Undefined: it has none that could be asked. */
function agentHost(core: PoolCore, name: string): string | undefined {
  if (core.settings.agent.port === 0) return undefined
  const endpoint = core.backend(name)?.endpoint
  return endpoint?.kind === 'ip' ? endpoint.host : undefined
}

/** Asks one agent again and again. */
class Asker implements Question<AgentWords> {
  readonly host: string
  readonly #core: PoolCore
  readonly #name: string
  readonly #changed: AgentChanged
  readonly #rounds: Rounds<AgentWords>
  /** What was told once is told again only after it had ended. */
  #isLost = false
  #isOdd = false

  constructor(core: PoolCore, { name, host }: { name: string; host: string }, gate: Gate, changed: AgentChanged) {
    this.host = host
    this.#core = core
    this.#name = name
    this.#changed = changed
    this.#rounds = new Rounds(this, gate, ANSWER_MS)
  }

  /** Resolved after the first answer, or when there was none. */
  get first(): Promise<void> {
    return this.#rounds.first
  }

  stop(): void {
    this.#rounds.stop()
  }

  pauseMs(): number {
    return this.#core.settings.agent.interval
  }

  async ask(end: AbortSignal): Promise<AgentWords> {
    const line = await askAgent(this.host, this.#core.settings.agent.port, end)
    if (line.trim() === '') throw new CheckFailure('it said nothing')
    return readAgentLine(line)
  }

  take(answer: AgentWords | CheckFailure): void {
    if (this.#core.isClosed) return
    if (answer instanceof CheckFailure) this.#failed(answer)
    else this.#said(answer)
  }

  #failed({ message }: CheckFailure): void {
    this.#core.agents.fail(this.#name)
    if (!this.#isLost) this.#tell('lost', message)
    this.#isLost = true
  }

  #said(words: AgentWords): void {
    if (this.#isLost) this.#tell('found')
    this.#isLost = false
    const isOdd = words.unknown.length > 0
    if (isOdd && !this.#isOdd) this.#tell('odd', words.unknown.join(' '))
    this.#isOdd = isOdd
    if (this.#core.reports.setAgent(this.#name, words)) this.#tell('said')
  }

  #tell(kind: AgentChange['kind'], reason?: string): void {
    const backend = this.#core.backend(this.#name)
    if (backend === undefined) return
    this.#changed({ core: this.#core, backend, kind, ...(reason === undefined ? {} : { reason }) })
  }
}
