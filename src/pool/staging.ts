import { formatAddress } from '../config/address.ts'
import type { ResolvedBackend } from '../config/resolved.ts'
import { NativeBackendState, type NativePool } from '../native.ts'
import { BackendIndexes } from './indexes.ts'
import type { BackendRecord } from './records.ts'
import type { Serving } from './serving.ts'

/** The pool whose backends are staged. */
interface StagedPool {
  readonly native: NativePool
  readonly isClosed: boolean
  readonly size: number
  backend(name: string): BackendRecord | undefined
  backends(): IterableIterator<BackendRecord>
  checksOf(backend: ResolvedBackend): unknown
  onFailOpen(isOpen: boolean): void
}

/** What the native pool is told of the backends, and when. */
export class Staging {
  readonly indexes = new BackendIndexes()
  readonly #pool: StagedPool
  readonly #serving: Serving
  #isPublishing = false

  constructor(pool: StagedPool, serving: Serving) {
    this.#pool = pool
    this.#serving = serving
  }

  /** Number of backends. */
  get size(): number {
    return this.#pool.size
  }

  /** False: the native pool cannot hold it. */
  stage(native: NativePool, backend: BackendRecord): boolean {
    const { name, weight, backup, endpoint } = backend
    // An endpoint that is not known yet has no host; picks may name the backend, no relay connects to it.
    const host = endpoint === undefined ? '' : endpoint.kind === 'unix' ? formatAddress(endpoint) : endpoint.host
    const port = endpoint?.kind === 'ip' ? endpoint.port : 0
    const served = this.#serving.stage(backend)
    const ramp = this.#serving.nativeRampOf(name)
    const maxSessions = this.#serving.agents.limitOf(backend)
    const identity = native.setBackend(name, weight, maxSessions, served, host, port, backup, ramp)
    if (identity < 0) return false
    this.indexes.give(identity, backend)
    return true
  }

  unstage(name: string): void {
    this.#pool.native.removeBackend(name)
    this.indexes.remove(name)
    this.#serving.unstage(name)
  }

  /** A backend may serve something else now: published with whatever else changes in this turn of the event loop. */
  restage(name: string): void {
    const backend = this.#pool.backend(name)
    if (this.#pool.isClosed || backend === undefined) return
    this.stage(this.#pool.native, backend)
    if (this.#isPublishing) return
    this.#isPublishing = true
    // A roster is made anew as a whole: not once for each of a thousand backends that fail together.
    setImmediate(() => this.publishRestaged())
  }

  /** Every backend may, and it is published at once. */
  republish(): void {
    const { native } = this.#pool
    for (const backend of this.#pool.backends()) this.stage(native, backend)
    this.publish(native)
  }

  /** The same, if one of them has checks. */
  republishChecked(): void {
    const hasChecks = [...this.#pool.backends()].some(backend => this.#pool.checksOf(backend) !== undefined)
    if (!this.#pool.isClosed && hasChecks) this.republish()
  }

  /** Publishes what was staged; where checks are believed no more, or again, every backend is another one. */
  publish(native: NativePool): void {
    this.#isPublishing = false
    const { health } = this.#serving
    const isFlipped =
      health.isWatched && health.review([...this.#pool.backends()].map(backend => this.#serving.wanted(backend)))
    if (isFlipped) for (const backend of this.#pool.backends()) this.stage(native, backend)
    native.publish()
    if (isFlipped) this.#pool.onFailOpen(health.isFailOpen)
  }

  /** Publishes what waits for it, at once. */
  publishRestaged(): void {
    if (this.#pool.isClosed || !this.#isPublishing) return
    this.publish(this.#pool.native)
  }

  /** Names of the backends that take new clients now, backups also while others do. */
  servers(): Set<string> {
    const ready = [...this.#pool.backends()].filter(
      backend => backend.weight > 0 && this.#serving.of(backend) === NativeBackendState.ready,
    )
    return new Set(ready.map(({ name }) => name))
  }
}
