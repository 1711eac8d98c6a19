import { domainToASCII } from 'node:url'
import { z } from 'zod'
import { functionName } from '../affinity/key-function.ts'
import { KeyModule } from '../affinity/key-module.ts'
import type { RouteFunction } from '../routing/route-function.ts'
import type { Mode } from './duration.ts'
import { MODULE_JSON, readModule } from './module.ts'
import type { ModuleRouteOptions, PoolRouteOptions } from './options.ts'
import { accept, type Parsed, refuse } from './parsed.ts'
import type { ResolvedCodeRoute, ResolvedListener, ResolvedPool, ResolvedRoute } from './resolved.ts'
import { reference, scalar, whole } from './scalars.ts'
import { quote, show } from './text.ts'

/** Each is looked at for each client, until one holds. */
export const MOST_ROUTES = 1000

const LONGEST_HOST = 253
/** Letters, digits, `-` and `_`, as clients write names; `*.` before them. */
const SERVER_NAME = /^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/
const SERVER_NAMES = 'a host name like db.example, or *.example for all below it'
/** Of ALPN (RFC 7301), which are bytes; those that are in use are words. */
const PROTOCOL = /^[\x21-\x7e]{1,255}$/

/** Reads the name of a server, in the form in which clients send it. */
function readServerName(value: unknown): Parsed<string> {
  if (typeof value !== 'string') return refuse(`expected the name of a server, got ${show(value)}`, SERVER_NAMES)
  const name = value.toLowerCase().replace(/\.$/, '')
  if (name.length <= LONGEST_HOST && SERVER_NAME.test(name)) return accept(name)
  const ascii = domainToASCII(name.replace(/^\*\./, ''))
  const meant = /^\p{ASCII}*$/u.test(name) || ascii === '' ? '' : `; clients send ${quote(ascii)}`
  return refuse(`${quote(value)} is no name that clients send${meant}`, SERVER_NAMES)
}

function readProtocol(value: unknown): Parsed<string> {
  const accepted = 'a name of ALPN, like h2, http/1.1, mqtt or postgresql'
  if (typeof value !== 'string') return refuse(`expected the name of a protocol, got ${show(value)}`, accepted)
  return PROTOCOL.test(value) ? accept(value) : refuse(`${quote(value)} is no name of a protocol`, accepted)
}

/** Each condition is a key, which NativeRouteRules knows. */
const poolRoute = z.strictObject({
  sni: scalar<string, string>(readServerName, {
    type: 'string',
    maxLength: LONGEST_HOST + 1,
    description:
      'The name of the server that the client asks for (TLS); *.example: every name that ends so, of one label more or several.',
  }).optional(),
  alpn: scalar<string, string>(readProtocol, {
    type: 'string',
    maxLength: 255,
    description: 'One of the protocols that the client offers (TLS, ALPN).',
  }).optional(),
  port: whole({ min: 1, max: 65_535 }, 'The port that the client connected to.').optional(),
  pool: reference('Name of the pool that those clients go to.', 'pool'),
})

/** Code knows of pools what it names; conditions stand in entries of their own, before it. */
const moduleRoute = z.strictObject({
  module: scalar<KeyModule<RouteFunction>, string>(readModule<RouteFunction>, {
    ...MODULE_JSON,
    description: 'A file, and the function there that says the pool, or nothing: ./route.js#NAME.',
  }),
})

function readFunction(value: unknown): Parsed<RouteFunction> {
  if (typeof value === 'function') return accept(value as RouteFunction)
  return refuse(`expected a function, got ${show(value)}`, '(head, connection) => pool')
}

/** Only programs can say it so. */
const functionRoute = z.strictObject({
  function: scalar<RouteFunction, RouteFunction>(readFunction, { description: 'A function that says the pool.' }),
})

/** An entry that was read. */
type ParsedRoute = z.output<typeof poolRoute | typeof moduleRoute | typeof functionRoute>

export function routes(mode: Mode) {
  const forms = [poolRoute, moduleRoute] as const
  const entry = z.union(mode === 'yaml' ? forms : [...forms, functionRoute])
  return z
    .array(entry)
    .max(MOST_ROUTES)
    .optional()
    .describe(
      'Instead of pool: pools, and whom they are for, or code that says which. The first whose conditions all hold; one without any is for the rest.',
    )
}

/** `place`: makes the path of a module absolute. */
export function routeOf(
  entry: ParsedRoute,
  place: (module: KeyModule<RouteFunction>) => KeyModule<RouteFunction>,
): ResolvedRoute {
  if ('module' in entry) return { by: place(entry.module) }
  return 'function' in entry ? { by: entry.function } : entry
}

/** Whether a function is asked. */
export function isByCode(entry: ResolvedRoute): entry is ResolvedCodeRoute {
  return 'by' in entry
}

/** Names of the pools that a listener names, each once. */
export function poolsOf({ pool, route }: Pick<ResolvedListener, 'pool' | 'route'>): string[] {
  return [...new Set(pool === undefined ? route.flatMap(entry => (isByCode(entry) ? [] : entry.pool)) : [pool])]
}

/** Names of those that its clients may go to: see {@link ResolvedListener.pools}. */
export function reachablePools(
  listener: Pick<ResolvedListener, 'pool' | 'route'>,
  pools: Iterable<Pick<ResolvedPool, 'name' | 'source'>>,
): string[] {
  const named = poolsOf(listener)
  if (!listener.route.some(isByCode)) return named
  const others = [...pools].filter(({ source }) => source.transparent === 'off')
  return [...new Set([...named, ...others.map(({ name }) => name)])]
}

/** As it is written: whether code is asked. */
export function asksCode(entry: Record<string, unknown>): boolean {
  return entry.module !== undefined || entry.function !== undefined
}

/** As it is written: whether it is for everybody. */
export function isDefault(entry: Record<string, unknown>): boolean {
  return entry.sni === undefined && entry.alpn === undefined && entry.port === undefined && !asksCode(entry)
}

/** An entry as a configuration is told; of a function only its name. */
export type DescribedRoute = PoolRouteOptions | ModuleRouteOptions | { function: string }

/** As a configuration has it. */
export function describeRoute(entry: ResolvedRoute): DescribedRoute {
  if (isByCode(entry)) {
    return entry.by instanceof KeyModule ? { module: entry.by.text } : { function: functionName(entry.by) }
  }
  const { sni, alpn, port, pool } = entry
  return {
    ...(sni === undefined ? {} : { sni }),
    ...(alpn === undefined ? {} : { alpn }),
    ...(port === undefined ? {} : { port }),
    pool,
  }
}
