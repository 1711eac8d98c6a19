import { accept, type Parsed, refuse } from './parsed.ts'
import type { ResolvedKey } from './resolved.ts'
import { didYouMean, quote, show } from './text.ts'

/** What a PROXY header has under a name of its own. */
const NAMES = ['source', 'authority', 'uniqueId', 'vpcEndpoint'] as const
export type ProxyKeyName = (typeof NAMES)[number]
/** TLVs that have a name here. */
const NAMED_TYPES = new Map<number, ProxyKeyName>([
  [0x02, 'authority'],
  [0x05, 'uniqueId'],
])
/** A checksum, which is another one for every connection, and padding. */
const NO_KEYS = new Set([0x03, 0x04])
const PREFIX = 'proxy:'

export const PROXY_KEY_ACCEPTED = `{ proxy: ${NAMES.join(' | ')} | 0 to 255 }`

/** What stands behind `proxy`. The result is the text of `parse_recipe()` in native/protocol/head_key.h. */
export function readProxyKey(value: unknown): Parsed<string> {
  if (typeof value === 'string') {
    if ((NAMES as readonly string[]).includes(value)) return accept(`${PREFIX}${value}`)
    return refuse(`${quote(value)} is nothing that a PROXY header has${didYouMean(value, NAMES)}`, PROXY_KEY_ACCEPTED)
  }
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xff) {
    return refuse(`expected a name or the number of a TLV, got ${show(value)}`, PROXY_KEY_ACCEPTED)
  }
  if (NO_KEYS.has(value)) return refuse(`TLV ${value} says nothing of the client`, PROXY_KEY_ACCEPTED)
  return accept(`${PREFIX}${NAMED_TYPES.get(value) ?? value}`)
}

/** Whether a source is in the PROXY header of a connection. */
export function isProxyKey(key: ResolvedKey): boolean {
  return typeof key === 'string' && key.startsWith(PREFIX)
}

/** As a configuration has it. */
export function proxyKeyOption(text: string): { proxy: ProxyKeyName | number } {
  const what = text.slice(PREFIX.length)
  return { proxy: NAMES.find(name => name === what) ?? Number(what) }
}

/** The JSON Schema of `{ proxy: … }`. */
export const PROXY_KEY_JSON = {
  type: 'object',
  properties: { proxy: { anyOf: [{ enum: [...NAMES] }, { type: 'integer', minimum: 0, maximum: 0xff }] } },
  required: ['proxy'],
  additionalProperties: false,
}
