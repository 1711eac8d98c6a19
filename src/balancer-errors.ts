import type { BalancerStatus } from './balancer-types.ts'
import { formatAddress, type NamedAddress } from './config/address.ts'
import { LimpetError } from './errors.ts'

export function invalidState(method: string, status: BalancerStatus, cause?: unknown): LimpetError {
  return new LimpetError('LIMPET_ERR_INVALID_STATE', `${method}() cannot be called while the balancer is ${status}`, {
    cause,
  })
}

/** `pool`: the name that is asked for, undefined where it was left out and there is not just one. */
export function unknownPool(pool: string | undefined, known: Iterable<string>): LimpetError {
  return new LimpetError('LIMPET_ERR_UNKNOWN_POOL', unknownText('pool', pool, known), { pool })
}

/** As {@link unknownPool}. */
export function unknownListener(listener: string | undefined, known: Iterable<string>): LimpetError {
  return new LimpetError('LIMPET_ERR_UNKNOWN_LISTENER', unknownText('listener', listener, known), { listener })
}

/** A backend that came after host names were looked up. */
export function unknownHost(pool: string, backend: string, address: NamedAddress): LimpetError {
  const text = `host names are looked up by listen(), once: give the IP address of ${address.host}`
  return new LimpetError('LIMPET_ERR_BAD_ADDRESS', text, { pool, backend, address: formatAddress(address) })
}

function unknownText(kind: 'pool' | 'listener', name: string | undefined, known: Iterable<string>): string {
  const names = [...known]
  if (name !== undefined) return `there is no ${kind} ${JSON.stringify(name)}`
  return names.length === 0 ? `there is no ${kind}` : `there are ${names.length} ${kind}s: give the name of one`
}
