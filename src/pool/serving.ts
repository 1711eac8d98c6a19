import type { ResolvedBackend, ResolvedHealth, ResolvedPool } from '../config/resolved.ts'
import { Ejections } from '../health/ejections.ts'
import { SlowStart } from '../health/slow-start.ts'
import { FULL_RAMP, NativeBackendState } from '../native.ts'
import { PoolAgents } from './agents.ts'
import { PoolHealth, servedBy } from './health.ts'
import type { BackendRecord } from './records.ts'

/** Told when a backend takes new clients, or does not any more. */
type Tell = (name: string, isReady: boolean) => void

/** What each backend of a pool may serve, by what its operator, its checks and its agent want, and by how warm it is. */
export class Serving {
  readonly health: PoolHealth
  readonly agents = new PoolAgents()
  readonly #slowStart: SlowStart
  readonly #tell: Tell
  #isSlow = false
  /** As it was staged last. */
  readonly #served = new Map<string, number>()

  constructor(settings: ResolvedPool, checksOf: (backend: ResolvedBackend) => ResolvedHealth | undefined, tell: Tell) {
    const { failOpen, ejection, slowStart } = settings
    this.#slowStart = new SlowStart(slowStart)
    this.health = new PoolHealth(failOpen, checksOf, ejection && new Ejections(ejection))
    this.#tell = tell
  }

  configure({ failOpen, ejection, slowStart }: ResolvedPool): void {
    this.#slowStart.configure(slowStart)
    this.health.configure(failOpen, ejection)
  }

  /** With what its agent wants, too. */
  wanted(backend: BackendRecord): BackendRecord {
    const state = this.agents.wanted(backend)
    return state === backend.state ? backend : { ...backend, state }
  }

  /** What a backend may serve now: a number of `NativeBackendState`. */
  of(backend: BackendRecord): number {
    return servedBy(this.wanted(backend), this.health)
  }

  /** The same, as it was staged last. */
  stagedOf(name: string): number {
    return this.#served.get(name) ?? NativeBackendState.down
  }

  /** What it may serve now, which is staged. One that drained is as warm as it was. */
  stage(backend: BackendRecord): number {
    const { name } = backend
    const served = this.of(backend)
    const isBack = served === NativeBackendState.ready && this.stagedOf(name) === NativeBackendState.down
    if ((this.#served.get(name) === NativeBackendState.ready) !== (served === NativeBackendState.ready)) {
      this.#tell(name, served === NativeBackendState.ready)
    }
    this.#served.set(name, served)
    if (isBack && this.#isSlow) this.#slowStart.begin(name, performance.now())
    if (served === NativeBackendState.down) this.#slowStart.end(name)
    return served
  }

  /** It is staged no more. */
  unstage(name: string): void {
    this.#served.delete(name)
    this.#slowStart.end(name)
  }

  /** From now on who serves again warms up: that all begin at one time is no reason to. */
  startSlowly(isSlow: boolean): void {
    this.#isSlow = isSlow
  }

  /** Those that warm up. */
  warming(): string[] {
    return this.#slowStart.names(performance.now())
  }

  /** The part of its clients that a backend takes; 1: it is warm. */
  rampOf(name: string): number {
    return this.#slowStart.rampOf(name, performance.now()) / FULL_RAMP
  }

  /** That part, with what its agent says of its weight, as the native pool takes it. */
  nativeRampOf(name: string): number {
    return Math.max(1, Math.round(this.rampOf(name) * this.agents.shareOf(name) * FULL_RAMP))
  }
}
