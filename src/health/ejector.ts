import type { ResolvedEjection } from '../config/resolved.ts'
import type { PoolCore } from '../pool/core.ts'
import type { BackendRecord } from '../pool/records.ts'

/** A backend was taken out because sessions failed there, or is back. */
export interface EjectionChange {
  core: PoolCore
  backend: BackendRecord
  /** Milliseconds since the epoch, when it will be back; undefined: it is back. */
  until: number | undefined
  reason: string
}

export type EjectionChanged = (change: EjectionChange) => void

/** What the relays count is looked at so often; nobody calls for each connection. */
const POLL_MS = 500

/** Takes backends of one pool out while sessions fail there one after the other, and back in. */
export class Ejector {
  readonly #core: PoolCore
  readonly #settings: ResolvedEjection
  readonly #changed: EjectionChanged
  readonly #timer: NodeJS.Timeout

  constructor(core: PoolCore, settings: ResolvedEjection, changed: EjectionChanged) {
    this.#core = core
    this.#settings = settings
    this.#changed = changed
    // What failed before is no business of this one.
    core.takeFailures(1)
    this.#timer = setInterval(() => this.#look(), POLL_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const { ejections } = this.#core.health
    if (this.#core.isClosed || ejections === undefined) return
    for (const name of ejections.due(performance.now())) this.#readmit(name, 'its time is over')
    for (const { name, connects, resets } of this.#core.takeFailures(this.#settings.failures)) {
      const reason =
        connects > 0 ? `${connects} connects in a row failed` : `it reset ${resets} sessions in a row at once`
      this.#eject(name, reason)
    }
    // The others may have gone since: one that fails now and then is better than none.
    const next = ejections.next()
    if (next !== undefined && this.#core.servers().size === 0) this.#readmit(next, 'no other one can serve')
  }

  #eject(name: string, reason: string): void {
    const backend = this.#core.backend(name)
    if (backend === undefined) return
    const until = this.#core.reports.eject(name, reason)
    if (until !== undefined) this.#changed({ core: this.#core, backend, until, reason })
  }

  #readmit(name: string, reason: string): void {
    const backend = this.#core.backend(name)
    if (this.#core.reports.readmit(name) && backend !== undefined) {
      this.#changed({ core: this.#core, backend, until: undefined, reason })
    }
  }
}
