import { unknownListener } from './balancer-errors.ts'
import type { HandleOptions } from './balancer-types.ts'
import type { ResolvedConfig } from './config/resolved.ts'
import { argumentTypeError } from './errors.ts'
import type { Pools } from './pool/pools.ts'
import type { Target } from './relay/target.ts'
import type { Service } from './service.ts'

/** Name of the listener that is meant; `name` may be left out if there is only one. */
export function listenerName({ listeners }: ResolvedConfig, name: string | undefined): string {
  const names = listeners.map(listener => listener.name)
  const found = name === undefined && names.length === 1 ? names[0] : names.find(known => known === name)
  if (found === undefined) throw unknownListener(name, names)
  return found
}

/** Where a socket goes that is handed over. */
export function targetOf(
  { listener, pool }: HandleOptions,
  { config, pools, service }: { config: ResolvedConfig; pools: Pools; service: Service },
): Target {
  if (listener === undefined) return service.targetOfPool(pools.core(pools.get(pool).name))
  if (pool !== undefined) throw argumentTypeError('options.pool', 'left out beside options.listener', pool)
  const target = service.targetOfListener(listener)
  if (target === undefined) {
    throw unknownListener(
      listener,
      config.listeners.map(({ name }) => name),
    )
  }
  return target
}
