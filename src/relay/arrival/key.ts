import { CookieSession } from '../../cookies/cookie-session.ts'
import { KeyFallback } from '../../native.ts'
import type { Arrival, ArrivalStep } from './arrival.ts'
import type { HeadFound } from './head-peek.ts'

/** What its backend is chosen by: the last step. */
export const findKey: ArrivalStep = arrival => {
  const { clientAddress, events, target } = arrival
  const { headKeys, cookie } = target.pool
  const sources = headKeys?.sources ?? []
  const found = (what: HeadFound): void => hasFound(arrival, what)
  if (cookie !== undefined) {
    arrival.cookie = new CookieSession(target.pool, cookie, counter => events.count(counter))
    arrival.find([arrival.cookie, ...sources], arrival.limits(true), found)
  } else if (headKeys === undefined) events.known({ key: clientAddress, named: undefined })
  else arrival.find(sources, arrival.limits(), found)
}

/** What was read goes to the backend before anything else. */
function hasFound(arrival: Arrival, { key, named, counter }: HeadFound): void {
  const { events, target } = arrival
  const fallback = target.pool.headKeys?.fallback ?? KeyFallback.source
  events.count(counter)
  if (key === undefined && named === undefined && fallback === KeyFallback.refuse) {
    events.refused('refusedNoKey')
    return
  }
  const chosen = key ?? (fallback === KeyFallback.source ? 'source' : undefined)
  events.known({ key: arrival.keyOf(chosen), named })
}
