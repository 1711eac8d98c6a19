import { isMapping } from './mapping.ts'
import type { KeyOption } from './options.ts'
import { accept, type Parsed, refuse } from './parsed.ts'
import { isProxyKey, PROXY_KEY_ACCEPTED, PROXY_KEY_JSON, proxyKeyOption, readProxyKey } from './proxy-key.ts'
import { didYouMean, listNames, quote, show } from './text.ts'

/** Sources that need nothing else. */
const PLAIN = [
  'source',
  'tls.sni',
  'tls.alpn',
  'tls.sessionId',
  'tls.ja4',
  'rdp.cookie',
  'rdp.token',
  'mqtt.clientId',
  'postgres.user',
  'postgres.database',
  'redis.auth',
  'ssh.version',
  'sip.callId',
  'socks.user',
  'http.path',
] as const
/** Sources with a name behind a colon. */
const NAMED = ['http.cookie', 'http.header', 'postgres.startup'] as const
/** Sources that are a mapping. */
const MAPPINGS = ['bytes', 'lengthPrefixed', 'proxy'] as const

/** The client speaks only once the server has: nothing but its address is there before. */
const SERVER_FIRST = new Map([['mysql', 'source']])

const MOST = 8
const LONGEST_NAME = 128
/** `kMaxHeadBytes` of native/protocol/head.h. */
export const MOST_HEAD_BYTES = 65_536
const ACCEPTED = `${listNames([...PLAIN, ...NAMED.map(name => `${name}:NAME`)])}, { bytes: … }, { lengthPrefixed: … }, ${PROXY_KEY_ACCEPTED}`
/** A token of RFC 9110, which names of cookies and header fields are; PostgreSQL's parameters are shorter words. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * Reads where keys are looked for: one source, or an ordered list. The result is the texts of `parse_recipe()` in
 * native/protocol/head_key.h, and `source`.
 */
export function readKeys(value: unknown): Parsed<readonly string[]> {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0 || list.length > MOST) return refuse(`expected 1 to ${MOST} sources`, ACCEPTED)
  const keys: string[] = []
  for (const item of list) {
    const read = readKey(item)
    if (!('value' in read)) return read
    if (keys.includes(read.value)) return refuse(`${quote(read.value)} is there twice`, ACCEPTED)
    if (keys.includes('source')) {
      return refuse(`${quote(read.value)} stands behind source, which always has a key`, 'source as the last one')
    }
    keys.push(read.value)
  }
  return accept(keys)
}

function readKey(value: unknown): Parsed<string> {
  if (typeof value === 'string') return readText(value)
  if (typeof value !== 'object' || value === null)
    return refuse(`expected a source of keys, got ${show(value)}`, ACCEPTED)
  const [[kind, places] = [], ...others] = Object.entries(value)
  if (kind === undefined || others.length > 0 || !(MAPPINGS as readonly string[]).includes(kind)) {
    return refuse(`expected a source of keys, got ${show(value)}`, ACCEPTED)
  }
  if (kind === 'proxy') return readProxyKey(places)
  return kind === 'bytes' ? readBytes(places) : readLengthPrefixed(places)
}

function readText(text: string): Parsed<string> {
  const known = SERVER_FIRST.get(text) ?? text
  if ((PLAIN as readonly string[]).includes(known)) return accept(known)
  const colon = text.indexOf(':')
  const kind = colon < 0 ? text : text.slice(0, colon)
  if (!(NAMED as readonly string[]).includes(kind)) {
    return refuse(`${quote(text)} is no source of keys${didYouMean(kind, [...PLAIN, ...NAMED, ...MAPPINGS])}`, ACCEPTED)
  }
  const name = colon < 0 ? '' : text.slice(colon + 1)
  if (name.length <= LONGEST_NAME && NAME.test(name)) return accept(text)
  const accepted = `${kind}:NAME, with a name of 1 to ${LONGEST_NAME} letters, digits and - _ .`
  return refuse(name === '' ? `${kind} needs a name` : `${quote(name)} cannot be a name`, accepted)
}

function readBytes(places: unknown): Parsed<string> {
  const accepted = '{ bytes: { offset, length } }, within the first 64 KiB'
  const { offset, length, ...others } = mapping(places)
  if (!isPlace(offset) || !isPlace(length) || length === 0 || Object.keys(others).length > 0) {
    return refuse(`expected an offset and a length, got ${show(places)}`, accepted)
  }
  if (offset + length > MOST_HEAD_BYTES) return refuse(`bytes up to ${offset + length} are too far`, accepted)
  return accept(`bytes:${offset}:${length}`)
}

function readLengthPrefixed(places: unknown): Parsed<string> {
  const accepted = '{ lengthPrefixed: { offset, size: 1 | 2 | 4, order: big | little } }'
  const { offset, size, order = 'big', ...others } = mapping(places)
  const isSize = size === 1 || size === 2 || size === 4
  if (!isPlace(offset) || !isSize || (order !== 'big' && order !== 'little') || Object.keys(others).length > 0) {
    return refuse(`expected an offset and a size, got ${show(places)}`, accepted)
  }
  if (offset + size >= MOST_HEAD_BYTES) return refuse(`offset ${offset} is too far`, accepted)
  return accept(`lengthPrefixed:${offset}:${size}:${order}`)
}

function mapping(value: unknown): Record<string, unknown> {
  return isMapping(value) ? value : {}
}

function isPlace(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MOST_HEAD_BYTES
}

/** A source as a configuration has it. */
export function keyOption(text: string): KeyOption {
  if (isProxyKey(text)) return proxyKeyOption(text)
  const [kind, offset = '0', length = '0', order] = text.split(':')
  if (kind === 'bytes') return { bytes: { offset: Number(offset), length: Number(length) } }
  if (kind === 'lengthPrefixed') {
    const size = Number(length) as 1 | 2 | 4
    return { lengthPrefixed: { offset: Number(offset), size, order: order as 'big' | 'little' } }
  }
  return text
}

const place = { type: 'integer', minimum: 0, maximum: MOST_HEAD_BYTES }
const ONE = {
  anyOf: [
    { enum: [...PLAIN, ...SERVER_FIRST.keys()] },
    { type: 'string', pattern: `^(${NAMED.join('|').replaceAll('.', '[.]')}):.{1,${LONGEST_NAME}}$` },
    {
      type: 'object',
      properties: {
        bytes: {
          type: 'object',
          properties: { offset: place, length: { ...place, minimum: 1 } },
          required: ['offset', 'length'],
          additionalProperties: false,
        },
      },
      required: ['bytes'],
      additionalProperties: false,
    },
    {
      type: 'object',
      properties: {
        lengthPrefixed: {
          type: 'object',
          properties: { offset: place, size: { enum: [1, 2, 4] }, order: { enum: ['big', 'little'] } },
          required: ['offset', 'size'],
          additionalProperties: false,
        },
      },
      required: ['lengthPrefixed'],
      additionalProperties: false,
    },
    PROXY_KEY_JSON,
  ],
}

/** The JSON Schema of what {@link readKeys} takes. */
export const KEYS_JSON = { anyOf: [ONE, { type: 'array', items: ONE, minItems: 1, maxItems: MOST }] }
