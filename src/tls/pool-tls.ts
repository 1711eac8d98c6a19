import type { ResolvedBackendTls } from '../config/tls-resolved.ts'
import type { Log } from '../log/log.ts'
import type { PoolCore } from '../pool/core.ts'
import { BackendTls } from './backend-tls.ts'

/** TLS to backends, of every pool that has it. */
export class PoolTls {
  readonly #log: Log
  readonly #byPool = new Map<string, { settings: ResolvedBackendTls; tls: BackendTls }>()

  constructor(log: Log) {
    this.#log = log
  }

  /** That of a pool, as its settings are now; undefined: its connections are plain. */
  of({ name, settings: { backendTls: settings } }: PoolCore): BackendTls | undefined {
    if (settings === undefined) return undefined
    const known = this.#byPool.get(name)
    if (known?.settings === settings) return known.tls
    const tls = new BackendTls(settings, name, this.#log)
    this.#byPool.set(name, { settings, tls })
    return tls
  }

  /** The pool is gone. */
  drop(pool: string): void {
    this.#byPool.delete(pool)
  }

  /** Those that were asked for. */
  *all(): Generator<BackendTls> {
    for (const { tls } of this.#byPool.values()) yield tls
  }
}
