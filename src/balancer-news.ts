import type { EventEmitter } from 'node:events'
import type { BalancerLife } from './balancer-life.ts'
import type { BackendChange, BalancerEvents } from './balancer-types.ts'
import { ejectionReporter } from './health/ejection-reporter.ts'
import { type EmitHealth, HealthReporter } from './health/reporter.ts'
import type { Log } from './log/log.ts'
import type { PoolCore } from './pool/core.ts'
import { type ChangeEvent, settingsOf } from './pool/pool.ts'
import type { BackendRecord } from './pool/records.ts'
import type { Committed } from './reload/reload.ts'
import { type ReloadResult, summaryOf } from './reload/result.ts'
import { unharmed } from './reload/unharmed.ts'
import type { ServiceParts } from './service.ts'
import type { DownCloser } from './sessions/down-closer.ts'

/** Tells what becomes of a balancer: its log, those who listen, and whoever closes the sessions of a backend that is down. */
export class BalancerNews {
  readonly #events: EventEmitter<BalancerEvents>
  readonly #log: Log
  readonly #closer: DownCloser
  readonly #health: HealthReporter

  constructor(events: EventEmitter<BalancerEvents>, log: Log, closer: DownCloser, life: BalancerLife) {
    this.#events = events
    this.#log = log
    this.#closer = closer
    const tell: EmitHealth = {
      health: (event, change) => events.emit(event, change),
      agent: change => events.emit('backendAgent', change),
    }
    this.#health = new HealthReporter(log, closer, tell, () => life.isListening)
  }

  /** Tells of a pool what it finds itself, from now on. */
  follow(core: PoolCore): void {
    core.onFailOpen = isOpen => this.#health.failOpenChanged(core, isOpen)
    core.moves.onMoved = moved => this.#events.emit('clientsMoved', { pool: core.name, ...moved })
  }

  /** What a service tells is told. */
  ofService(): Pick<ServiceParts, 'failed' | 'health' | 'agent' | 'ejection'> {
    return {
      failed: (error, listener) => this.#failed(error, listener),
      health: change => this.#health.changed(change),
      agent: change => this.#health.agentChanged(change),
      ejection: ejectionReporter(this.#log, (event, change) => this.#events.emit(event, change)),
    }
  }

  /** A backend was added, changed or removed. */
  changed(event: ChangeEvent, core: PoolCore, backend: BackendRecord): void {
    const change: BackendChange = { pool: core.name, ...settingsOf(backend) }
    if (event === 'backendRemoved' || backend.state === 'maint') this.#closer.leave(core.name, backend.name)
    this.#log.info(change, event)
    this.#events.emit(event, change)
  }

  /** Several were, all of them before anybody is told of any. */
  changedAll(done: Committed['done']): void {
    for (const { event, core, backend } of done) {
      if (event === 'backendRemoved') this.#closer.leave(core.name, backend.name)
      unharmed(() => this.changed(event, core, backend))
    }
  }

  reloaded(result: ReloadResult, done: Committed['done']): void {
    this.changedAll(done)
    unharmed(() => this.#events.emit('reloaded', result))
    this.#log.info(summaryOf(result), 'reloaded')
  }

  #failed(error: Error, listener: string): void {
    this.#log.error({ listener, error: error.message }, 'a listener failed')
    if (this.#events.listenerCount('error') > 0) this.#events.emit('error', Object.assign(error, { listener }))
  }
}
