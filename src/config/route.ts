import { domainToASCII } from 'node:url'
import { z } from 'zod'
import type { RouteOptions } from './options.ts'
import { accept, type Parsed, refuse } from './parsed.ts'
import type { ResolvedListener, ResolvedRoute } from './resolved.ts'
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

/** Each condition is a key, which NativeRouteRules knows. One that the operator's own code answers would be another key here. */
const route = z.strictObject({
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

export function routes() {
  return z
    .array(route)
    .max(MOST_ROUTES)
    .optional()
    .describe(
      'Instead of pool: pools, and whom they are for. The first whose conditions all hold; one without any is for the rest.',
    )
}

/** Names of the pools that the clients of a listener may go to, each once. */
export function poolsOf({ pool, route }: Pick<ResolvedListener, 'pool' | 'route'>): string[] {
  return [...new Set(pool === undefined ? route.map(({ pool }) => pool) : [pool])]
}

/** Whether it is for everybody. */
export function isDefault({ sni, alpn, port }: { sni?: unknown; alpn?: unknown; port?: unknown }): boolean {
  return sni === undefined && alpn === undefined && port === undefined
}

/** As a configuration has it. */
export function describeRoute({ sni, alpn, port, pool }: ResolvedRoute): RouteOptions {
  return {
    ...(sni === undefined ? {} : { sni }),
    ...(alpn === undefined ? {} : { alpn }),
    ...(port === undefined ? {} : { port }),
    pool,
  }
}
