import type { BackendHealthChange } from '../balancer-types.ts'
import { formatAddress } from '../config/address.ts'
import type { Log } from '../log/log.ts'
import type { PoolCore } from '../pool/core.ts'
import type { DownCloser } from '../sessions/down-closer.ts'
import type { HealthChange } from './monitor.ts'

/** Emits an event of the balancer. */
export type EmitHealth = (event: 'backendUp' | 'backendDown', change: BackendHealthChange) => void

/** Tells what checks found: the log, those who listen, and whoever closes the sessions of a backend that is down. */
export class HealthReporter {
  readonly #log: Log
  readonly #closer: DownCloser
  readonly #emit: EmitHealth
  readonly #isListening: () => boolean

  constructor(log: Log, closer: DownCloser, emit: EmitHealth, isListening: () => boolean) {
    this.#log = log
    this.#closer = closer
    this.#emit = emit
    this.#isListening = isListening
  }

  /** A backend went up or down. */
  changed({ core, backend, isUp, isFirst, reason }: HealthChange): void {
    const { name, address } = backend
    const change: BackendHealthChange = { pool: core.name, name, address: formatAddress(address), reason }
    const event = isUp ? 'backendUp' : 'backendDown'
    // That all are well at the start is no news.
    const level = isUp ? (isFirst ? 'debug' : 'info') : 'warn'
    this.#log[level](change, event)
    // After the roster, which is published before; and a handler that throws must not end the checks.
    setImmediate(() => {
      this.#closeWhenDown(core, name, isUp)
      this.#emit(event, change)
    })
  }

  /** Checks of a pool are believed no more, since too few backends are up, or are again. */
  failOpenChanged(core: PoolCore, isOpen: boolean): void {
    const { name: pool, settings, health } = core
    // Who is not believed to be down keeps its sessions; those that it has got meanwhile, too, until it is believed again.
    for (const { name } of core.backends()) {
      if (isOpen || health.of(name)?.status === 'down') this.#closeWhenDown(core, name, false)
    }
    if (isOpen) this.#log.warn({ pool, failOpen: settings.failOpen }, 'too few backends are up: all of them serve')
    else this.#log.info({ pool }, 'enough backends are up: only those serve')
  }

  #closeWhenDown(core: PoolCore, backend: string, isUp: boolean): void {
    const { name: pool, settings, health } = core
    const onDown = settings.health?.onDown
    if (!this.#isListening()) return
    // Who was taken out, or away, since the check is an operator's.
    const state = core.backend(backend)?.state ?? 'maint'
    if (isUp || state === 'maint' || health.isFailOpen || onDown?.sessions !== 'close')
      this.#closer.leave(pool, backend)
    else this.#closer.down(pool, backend, onDown)
  }
}
