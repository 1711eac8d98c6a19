import type { Finding } from './parsed.ts'
import { MISSING } from './scalars.ts'
import { LIMITS } from './schema.ts'
import { didYouMean, listNames, type Path, quote } from './text.ts'
import type { ListenerChoice, ListenerView, View } from './view.ts'

/** What is wrong with where the clients of listeners go. */
export function routeFindings(view: View): Finding[] {
  const names = new Set(view.pools.map(pool => pool.name))
  return view.listeners.flatMap(listener => {
    const { choice } = listener
    if (choice === undefined) return []
    const unknown = placesOf(listener).filter(([, pool]) => !names.has(pool))
    return [
      ...choiceFindings(listener.index, choice),
      ...unknown.map(([path, pool]) => unknownPool(path, pool, names)),
      ...idleRoutes(listener, choice),
      ...codeFindings(listener),
    ]
  })
}

/** Whether a function chooses among the pools. */
export function routesByCode({ choice }: ListenerView): boolean {
  return choice?.routes.some(({ asksCode }) => asksCode) === true
}

/** Functions run in the main thread, and who is there stays with the stream relay. */
function codeFindings(listener: ListenerView): Finding[] {
  if (!routesByCode(listener)) return []
  const message = 'a function of route chooses the pool, which the native one cannot ask'
  return [
    ['acceptor', listener.acceptor, 'auto or net'],
    ['relay', listener.relay, 'auto or stream'],
  ].flatMap(([key, value, accepted]): Finding[] =>
    value === 'native'
      ? [{ path: ['listeners', listener.index, String(key)], message, accepted: String(accepted) }]
      : [],
  )
}

/** One pool, or routes to several. */
function choiceFindings(index: number, { hasPool, hasRoute, routes }: ListenerChoice): Finding[] {
  const path = ['listeners', index]
  const accepted = 'the name of a pool; or route, a list of pools and whom they are for'
  if (!hasPool && !hasRoute) return [{ path: [...path, 'pool'], message: MISSING, accepted, at: 'key' }]
  if (hasPool && hasRoute)
    return [{ path: [...path, 'route'], message: 'cannot be given together with pool', accepted, at: 'key' }]
  return hasRoute && routes.length === 0 ? [{ path: [...path, 'route'], message: 'the list is empty', accepted }] : []
}

/** Where a listener names pools, and which. */
export function placesOf({ index, choice }: ListenerView): [Path, string][] {
  if (choice === undefined) return []
  const { pool, routes } = choice
  const path = ['listeners', index]
  return [
    ...(pool === undefined ? [] : [[[...path, 'pool'], pool] as [Path, string]]),
    ...routes.flatMap(({ index, pool }): [Path, string][] =>
      pool === undefined ? [] : [[[...path, 'route', index, 'pool'], pool]],
    ),
  ]
}

function unknownPool(path: Path, pool: string, names: ReadonlySet<string>): Finding {
  const meant = names.size > LIMITS.pools ? '' : didYouMean(pool, names)
  const message = `there is no pool ${quote(pool)}${meant}`
  const accepted = names.size === 0 ? undefined : listNames(names)
  return { path, message, accepted, code: 'LIMPET_ERR_UNKNOWN_POOL' }
}

/** Entries that hold for nobody. */
function idleRoutes({ index, bind }: ListenerView, { routes }: ListenerChoice): Finding[] {
  const path = ['listeners', index, 'route']
  const first = routes.findIndex(({ isDefault }) => isDefault)
  const behind = first < 0 ? undefined : routes[first + 1]
  const findings: Finding[] = []
  if (behind !== undefined) {
    const message = `entry [${first}] before it has no condition, so that nobody comes to this one`
    findings.push({ path: [...path, behind.index], message, accepted: 'an entry without a condition as the last one' })
  }
  if (bind?.kind !== 'unix') return findings
  for (const { index, hasPort } of routes) {
    if (!hasPort) continue
    const message = 'clients of a unix socket come to no port'
    findings.push({ path: [...path, index, 'port'], message, accepted: 'sni or alpn' })
  }
  return findings
}
