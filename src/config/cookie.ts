import type { CookieOptions } from './cookie-options.ts'
import type { ParsedCookie } from './cookie-schema.ts'
import { formatDuration } from './duration.ts'
import type { Finding } from './parsed.ts'
import type { ListenerView, PoolView, View } from './view.ts'

/** A cookie that Limpet sets itself. */
export interface ResolvedInsertCookie {
  readonly mode: 'insert'
  readonly name: string
  /** Milliseconds, whole seconds; 0: until the browser is closed. */
  readonly maxAge: number
  readonly path: string
  /** Undefined: only the host that set it. */
  readonly domain: string | undefined
  readonly sameSite: 'strict' | 'lax' | 'none'
  readonly secure: boolean
  readonly httpOnly: boolean
}

/** A cookie of the application's, whose values are remembered. */
export interface ResolvedLearnCookie {
  readonly mode: 'learn'
  readonly name: string
}

/** A cookie of the application's that names the backend. */
export interface ResolvedRouteCookie {
  readonly mode: 'route'
  readonly name: string
  readonly position: 'prefix' | 'suffix'
  readonly separator: string
}

export type ResolvedCookie = ResolvedInsertCookie | ResolvedLearnCookie | ResolvedRouteCookie

const DEFAULT_NAME = 'limpet'
/** Those of Tomcat's jvmRoute, and of HAProxy's `cookie NAME prefix`. */
const SEPARATORS = { suffix: '.', prefix: '~' } as const

/** What was read, with the defaults of its mode. */
export function cookieOf({ mode, name = DEFAULT_NAME, ...given }: ParsedCookie): ResolvedCookie {
  if (mode === 'learn') return { mode, name }
  if (mode === 'route') {
    const { position = 'suffix', separator = SEPARATORS[position] } = given
    return { mode, name, position, separator }
  }
  const { maxAge = 0, path = '/', domain, sameSite = 'lax', secure = false, httpOnly = true } = given
  return { mode, name, maxAge, path, domain, sameSite, secure, httpOnly }
}

/** A cookie in the words of the configuration. */
export function describeCookie(cookie: ResolvedCookie): CookieOptions {
  if (cookie.mode !== 'insert') return { ...cookie }
  const { domain, maxAge, ...rest } = cookie
  return { ...rest, maxAge: formatDuration(maxAge), ...(domain === undefined ? {} : { domain }) }
}

/** Settings of pools and listeners that exclude each other where cookies are. */
export function cookieFindings({ pools, listeners }: View): Finding[] {
  const withCookies = new Map(pools.filter(pool => pool.cookieMode !== undefined).map(pool => [pool.name, pool]))
  return [
    ...[...withCookies.values()].flatMap(poolFindings),
    ...listeners.flatMap(listener => {
      const pool = listener.pools.find(name => withCookies.has(name))
      return pool === undefined ? [] : listenerFindings(listener, pool)
    }),
  ]
}

function poolFindings({ name, cookieMode, isTableOff, isRebalanced, returnsHome }: PoolView): Finding[] {
  const path = ['pools', name]
  const findings: Finding[] = []
  if (isRebalanced === true) {
    const message = 'clients are brought home by their addresses, and those of this pool belong where their cookies say'
    findings.push({ path: [...path, 'rebalance', 'perMinute'], message, accepted: '0; or affinity.cookie: off' })
  }
  if (cookieMode !== 'learn') return findings
  if (isTableOff === true) {
    const message = 'affinity.cookie of mode learn keeps the values of cookies there'
    findings.push({ path: [...path, 'stickTable'], message, accepted: 'a table; or another mode' })
  }
  if (returnsHome === true) {
    const message = 'the home of the value of a cookie is not where the application has set it'
    findings.push({ path: [...path, 'returnHome'], message, accepted: 'never; or another mode of affinity.cookie' })
  }
  return findings
}

/** Also where only some of its clients go to the pool: which, is not known when they are accepted. */
function listenerFindings({ index, acceptor, relay }: ListenerView, pool: string): Finding[] {
  const message = `the pool ${pool} has affinity.cookie, and only the stream relay reads and writes cookies`
  const findings: Finding[] = []
  if (acceptor === 'native')
    findings.push({ path: ['listeners', index, 'acceptor'], message, accepted: 'auto, net; or affinity.cookie: off' })
  if (relay === 'native')
    findings.push({ path: ['listeners', index, 'relay'], message, accepted: 'auto, stream; or affinity.cookie: off' })
  return findings
}
