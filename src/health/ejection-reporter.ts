import type { BackendEjection } from '../balancer-types.ts'
import { formatAddress } from '../config/address.ts'
import type { Log } from '../log/log.ts'
import type { EjectionChange, EjectionChanged } from './ejector.ts'

/** Emits an event of the balancer. */
export type EmitEjection = (event: 'backendEjected' | 'backendReadmitted', change: BackendEjection) => void

/** Tells the log and those who listen that a backend was ejected, or is back. */
export function ejectionReporter(log: Log, emit: EmitEjection): EjectionChanged {
  return ({ core, backend, until, reason }: EjectionChange): void => {
    const change: BackendEjection = {
      ...{ pool: core.name, name: backend.name, address: formatAddress(backend.address), reason },
      ...(until === undefined ? {} : { ejectedUntil: until }),
    }
    if (until === undefined) log.info(change, 'backendReadmitted')
    else log.warn(change, 'backendEjected')
    // After the roster, which is published before.
    setImmediate(() => emit(until === undefined ? 'backendReadmitted' : 'backendEjected', change))
  }
}
