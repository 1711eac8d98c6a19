import type { ResolvedListener } from '../config/resolved.ts'
import { poolsOf } from '../config/route.ts'
import { native } from '../native.ts'
import type { Destination, Routes } from '../relay/target.ts'

/** Where the clients of a listener go. */
export interface Destinations {
  /** With routes: that of the last one. */
  main: Destination
  routes: Routes<Destination> | undefined
}

/** `find`: a pool by its name; undefined: there is none. */
export function destinationsOf(
  { name, pool, route }: ResolvedListener,
  find: (pool: string) => Destination | undefined,
): Destinations {
  const names = poolsOf({ pool, route })
  const to = names.map(found => find(found)).filter(destination => destination !== undefined)
  const main = to[names.indexOf(pool ?? route.at(-1)?.pool ?? '')]
  if (main === undefined || to.length < names.length) throw new RangeError(`the listener ${name} has no pool`)
  if (pool !== undefined) return { main, routes: undefined }
  const rules = new (native().RouteRules)(
    route.map(({ sni }) => sni ?? ''),
    route.map(({ alpn }) => alpn ?? ''),
    Uint32Array.from(route, ({ port }) => port ?? 0),
    Uint32Array.from(route, route => names.indexOf(route.pool)),
  )
  return { main, routes: { rules, to } }
}
