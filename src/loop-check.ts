import type { AddressInfo } from 'node:net'
import type { BackendAddress, BindAddress } from './config/address.ts'
import { localAddresses, loopProblems } from './config/loops.ts'
import { LimpetError } from './errors.ts'

/** A listener that is open. */
export interface BoundListener {
  name: string
  /** Names of its pools. */
  pools: readonly string[]
  /** As it was configured. */
  bind: BindAddress
  /** As the system gave it. */
  address: AddressInfo | string | null
}

/** A backend as far as loops are concerned. */
export interface Destination {
  name: string
  address: BackendAddress
}

/**
 * Refuses backends from which a session would come back to its own pool through one of the listeners. Unlike the check
 * of the configuration this one knows the ports that the system chose, and what host names mean.
 *
 * @param suspect - only this backend of this pool is checked, in its place among the others
 * @throws {@link LimpetError} `LIMPET_ERR_SELF_BACKEND`
 */
export function refuseLoops(
  listeners: readonly BoundListener[],
  pools: ReadonlyMap<string, readonly Destination[]>,
  suspect?: { pool: string; backend: string },
): void {
  const view = {
    listeners: listeners.map(({ name, pools, ...listener }, index) => ({
      index,
      name,
      pools,
      bind: boundAddress(listener),
    })),
    pools: [...pools].map(([name, backends]) => ({
      name,
      isRing: false,
      secret: undefined,
      backends: backends.map((backend, index) => ({ index, ...backend, weight: 1 })),
    })),
  }
  for (const { path, message } of loopProblems(view, localAddresses())) {
    const [, pool = '', , index] = path
    const backend = pools.get(String(pool))?.[Number(index)]
    if (backend === undefined || (suspect !== undefined && (suspect.pool !== pool || suspect.backend !== backend.name)))
      continue
    const text = `the backend ${backend.name} of the pool ${pool}: ${message}`
    throw new LimpetError('LIMPET_ERR_SELF_BACKEND', text, { pool: String(pool), backend: backend.name })
  }
}

/** Whether an address could be that of a listener: cheap, for pools that change often. */
export function mayReach(listeners: readonly BoundListener[], { address }: Destination): boolean {
  return listeners.some(listener => {
    const bind = boundAddress(listener)
    if (bind === undefined || bind.kind === 'fd') return false
    if (bind.kind === 'unix' || address.kind === 'unix') return bind.kind === address.kind
    return bind.port === address.port
  })
}

/** Where a listener really listens, in the form of the configuration. */
export function boundAddress({ bind, address }: Pick<BoundListener, 'bind' | 'address'>): BindAddress | undefined {
  if (address === null) return undefined
  if (typeof address === 'string') return { kind: 'unix', path: address }
  const { address: host, family, port } = address
  // A descriptor from elsewhere may be dual stack.
  if (host === '::' && bind.kind !== 'ip') return { kind: 'any', port }
  return { kind: 'ip', host, port, family: family === 'IPv6' ? 6 : 4, needsLookup: false }
}
