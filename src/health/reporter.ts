import type { BackendAgentChange, BackendHealthChange } from '../balancer-types.ts'
import { formatAddress } from '../config/address.ts'
import type { Log } from '../log/log.ts'
import type { PoolCore } from '../pool/core.ts'
import type { BackendRecord } from '../pool/records.ts'
import type { DownCloser } from '../sessions/down-closer.ts'
import type { AgentChange } from './agent-monitor.ts'
import type { HealthChange } from './monitor.ts'

/** Emits events of the balancer. */
export interface EmitHealth {
  health(event: 'backendUp' | 'backendDown', change: BackendHealthChange): void
  agent(change: BackendAgentChange): void
}

/** Tells what checks found and what agents said: the log, those who listen, and whoever closes the sessions of a backend that is down. */
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
      this.#closeWhenDown(core, backend, isUp)
      this.#emit.health(event, change)
    })
  }

  /** An agent said something else than before, or cannot be asked. */
  agentChanged({ core, backend, kind, reason }: AgentChange): void {
    const { name, address } = backend
    const agent = core.agents.of(name)
    if (agent === undefined) return
    const facts = { pool: core.name, name, ...(reason === undefined ? {} : { reason }) }
    if (kind === 'lost') this.#log.warn(facts, 'the agent of a backend does not answer: what it said last holds')
    else if (kind === 'found') this.#log.info(facts, 'the agent of a backend answers')
    else if (kind === 'odd') this.#log.warn(facts, 'the agent of a backend says words that mean nothing here')
    if (kind !== 'said') return
    const change: BackendAgentChange = { pool: core.name, name, address: formatAddress(address), agent }
    this.#log[agent.isUp ? 'info' : 'warn'](change, 'backendAgent')
    setImmediate(() => {
      this.#closeWhenDown(core, backend, !core.health.isFoundDown(name))
      this.#emit.agent(change)
    })
  }

  /** Checks of a pool are believed no more, since too few backends are up, or are again. */
  failOpenChanged(core: PoolCore, isOpen: boolean): void {
    const { name: pool, settings, health } = core
    // Who is not believed to be down keeps its sessions; those that it has got meanwhile, too, until it is believed again.
    for (const backend of core.backends()) {
      if (isOpen || health.isFoundDown(backend.name)) this.#closeWhenDown(core, backend, false)
    }
    if (isOpen) this.#log.warn({ pool, failOpen: settings.failOpen }, 'too few backends are up: all of them serve')
    else this.#log.info({ pool }, 'enough backends are up: only those serve')
  }

  /** `isUp`: as checks say. What an agent says is believed in any case. */
  #closeWhenDown(core: PoolCore, backend: BackendRecord, isUp: boolean): void {
    const { name: pool, health, agents, isRetired } = core
    const { name } = backend
    const onDown = core.checksOf(backend)?.onDown
    if (!this.#isListening() || isRetired) return
    // Who was taken out, or away, since the check is an operator's.
    const isOut = (core.backend(name)?.state ?? 'maint') === 'maint'
    const isDown = agents.of(name)?.isUp === false || (!isUp && !health.isFailOpen)
    if (isOut || !isDown || onDown?.sessions !== 'close') this.#closer.leave(pool, name)
    else this.#closer.down(pool, name, onDown)
  }
}
