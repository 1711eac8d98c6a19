import type { ResolvedListener } from '../config/resolved.ts'
import { isByCode } from '../config/route.ts'
import type { Destination, Routes } from '../relay/target.ts'
import { routeSourcesOf } from '../routing/route-sources.ts'

/** Where the clients of a listener go. */
export interface Destinations {
  /** With routes: that of the last one that names a pool, or the first pool where none does. */
  main: Destination
  routes: Routes<Destination> | undefined
}

/** `find`: a pool by its name; undefined: there is none. */
export function destinationsOf(
  { name, pool, route, pools }: ResolvedListener,
  find: (pool: string) => Destination | undefined,
): Destinations {
  const to = pools.map(found => find(found)).filter(destination => destination !== undefined)
  const last = pool ?? route.flatMap(entry => (isByCode(entry) ? [] : entry.pool)).at(-1)
  const main = to[last === undefined ? 0 : pools.indexOf(last)]
  if (main === undefined || to.length < pools.length) throw new RangeError(`the listener ${name} has no pool`)
  if (pool !== undefined) return { main, routes: undefined }
  return { main, routes: { ...routeSourcesOf(route, pools), to } }
}
