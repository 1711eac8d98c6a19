import type { AgentWords } from '../health/agent-words.ts'
import type { Serving } from './serving.ts'
import type { Staging } from './staging.ts'

/**
 * Takes what checks, agents and sessions tell of the backends of a pool. It is published with whatever else is found in this
 * turn of the event loop, or when somebody asks.
 */
export class BackendReports {
  readonly #staging: Staging
  readonly #serving: Serving

  constructor(staging: Staging, serving: Serving) {
    this.#staging = staging
    this.#serving = serving
  }

  /** Checks begin: what a backend is until its first one. */
  watchHealth(): void {
    this.#serving.health.watch()
    this.#staging.republishChecked()
  }

  /** There were never any checks. */
  resetHealth(): void {
    this.#serving.health.reset()
    this.#staging.republishChecked()
  }

  /** Takes what a check found. */
  setHealth(name: string, isUp: boolean, reason: string): void {
    this.#serving.health.set(name, isUp, reason)
    this.#staging.restage(name)
  }

  /** There are no checks of this backend now. */
  forgetHealth(name: string): void {
    if (this.#serving.health.forget(name)) this.#staging.restage(name)
  }

  /** Takes what an agent said; false: nothing of it is new. */
  setAgent(name: string, words: AgentWords): boolean {
    const isNew = this.#serving.agents.take(name, words)
    if (isNew) this.#staging.restage(name)
    return isNew
  }

  /** There is no agent of this backend now. */
  forgetAgent(name: string): void {
    if (this.#serving.agents.forget(name)) this.#staging.restage(name)
  }

  /**
   * Takes a backend out for a while, unless it is the last or others are out. When it will be back, in milliseconds since
   * the epoch; undefined: it was not taken out.
   */
  eject(name: string, reason: string): number | undefined {
    const { health } = this.#serving
    const servers = this.#staging.servers()
    servers.delete(name)
    const scene = { backends: this.#staging.size, others: servers.size }
    const ms = health.ejections?.eject(name, performance.now(), scene)
    if (ms === undefined) return undefined
    const until = health.eject(name, reason, ms)
    this.#staging.restage(name)
    return until
  }

  /** Lets a backend back in that was ejected; false: it was not. */
  readmit(name: string): boolean {
    const { health } = this.#serving
    if (health.ejections?.readmit(name, performance.now()) !== true) return false
    health.readmit(name)
    this.#staging.restage(name)
    return true
  }

  /** From now on who serves again warms up: that all begin at one time is no reason to. */
  startSlowly(isSlow: boolean): void {
    this.#serving.startSlowly(isSlow)
  }

  /** Lets those that warm up take as many clients as it is time for; names of those that are not warm yet. */
  warmUp(): string[] {
    const names = this.#serving.warming()
    for (const name of names) this.#staging.restage(name)
    return names.filter(name => this.#serving.rampOf(name) < 1)
  }
}
