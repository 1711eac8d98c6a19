import type { BackendState } from '../config/options.ts'
import type { ResolvedBackend } from '../config/resolved.ts'
import type { AgentWords } from '../health/agent-words.ts'

/** What the agent of a backend has said, all in all. */
export interface BackendAgent {
  /** Whether it answered when it was asked for the last time. If not, what it said before still holds. */
  isReached: boolean
  /** Per cent of the configured weight, 0 to 100; 0: no new clients. */
  weight: number
  /** What it wants of the backend. What an operator wants holds besides. */
  state: 'ready' | 'drain' | 'maint'
  /** Whether it says that the backend is well. */
  isUp: boolean
  /** Why not, in its words; absent: it said nothing of that. */
  reason?: string
  /** Most sessions; 0: it sets no limit. */
  maxSessions: number
  /** Times that it could not be asked, or said nothing. */
  failures: number
}

const SILENT: BackendAgent = {
  isReached: false,
  weight: 100,
  state: 'ready',
  isUp: true,
  maxSessions: 0,
  failures: 0,
}

/** What agents say of the backends of one pool. No input or output. */
export class PoolAgents {
  readonly #said = new Map<string, BackendAgent>()

  /** Undefined: it has no agent, or that is not asked. */
  of(name: string): BackendAgent | undefined {
    return this.#said.get(name)
  }

  /** An agent is asked from now on. What another one said of the same backend holds until then. */
  begin(name: string): void {
    if (!this.#said.has(name)) this.#said.set(name, SILENT)
  }

  /** It is not asked any more; false: it was not. */
  forget(name: string): boolean {
    return this.#said.delete(name)
  }

  /** Takes an answer; whether that changes anything. */
  take(name: string, { unknown: _, ...words }: AgentWords): boolean {
    const before = this.#said.get(name)
    if (before === undefined) return false
    const now: BackendAgent = { ...before, ...words, isReached: true }
    // What was the reason before is none any more.
    if (words.isUp !== undefined && words.reason === undefined) delete now.reason
    this.#said.set(name, now)
    return TOLD.some(fact => now[fact] !== before[fact])
  }

  /** It could not be asked. */
  fail(name: string): void {
    const before = this.#said.get(name)
    if (before !== undefined) this.#said.set(name, { ...before, isReached: false, failures: before.failures + 1 })
  }

  /** What operator and agent want of a backend, all things considered: whoever wants it to serve less has it. */
  wanted({ name, state }: ResolvedBackend): BackendState {
    const agent = this.#said.get(name)
    if (agent === undefined || state === 'maint' || state === 'drain-hard') return state
    if (agent.state === 'maint' || !agent.isUp) return 'maint'
    return agent.state === 'drain' || agent.weight === 0 ? 'drain' : state
  }

  /** The part of its weight that a backend has, above 0: one without any takes no new clients. */
  shareOf(name: string): number {
    return (this.#said.get(name)?.weight || 100) / 100
  }

  /** Most sessions of a backend, by its configuration and by its agent; 0: no limit. */
  limitOf({ name, maxSessions }: ResolvedBackend): number {
    const limit = this.#said.get(name)?.maxSessions ?? 0
    if (limit === 0 || maxSessions === 0) return limit || maxSessions
    return Math.min(limit, maxSessions)
  }
}

/** What is news when it changes. */
const TOLD = ['weight', 'state', 'isUp', 'reason', 'maxSessions'] as const
