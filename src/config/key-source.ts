import { functionName } from '../affinity/key-function.ts'
import { KeyRegex } from '../affinity/regex/key-regex.ts'
import { isMapping } from './mapping.ts'
import { MODULE_JSON, readModule } from './module.ts'
import type { KeyOption } from './options.ts'
import { accept, type Parsed, refuse } from './parsed.ts'
import { isProxyKey, PROXY_KEY_ACCEPTED, PROXY_KEY_JSON, proxyKeyOption, readProxyKey } from './proxy-key.ts'
import type { ResolvedKey } from './resolved.ts'
import { didYouMean, listNames, quote, show } from './text.ts'

/** Sources that need nothing else. */
const PLAIN = [
  'source',
  'tls.sni',
  'tls.alpn',
  'tls.clientSubject',
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
const MAPPINGS = ['bytes', 'lengthPrefixed', 'proxy', 'regex', 'module'] as const

/** The client speaks only once the server has: nothing but its address is there before. */
const SERVER_FIRST = new Map([['mysql', 'source']])

const MOST = 8
const LONGEST_NAME = 128
const LONGEST_REGEX = 2000
const USUAL_REGEX_BYTES = 1024
/** `kMaxHeadBytes` of native/protocol/head.h. */
export const MOST_HEAD_BYTES = 65_536
const ACCEPTED = `${listNames([...PLAIN, ...NAMED.map(name => `${name}:NAME`)])}, { bytes: … }, { lengthPrefixed: … }, ${PROXY_KEY_ACCEPTED}, { regex: "/…/" }, { module: "./key.js#NAME" }`
/** A token of RFC 9110, which names of cookies and header fields are; PostgreSQL's parameters are shorter words. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * Reads where keys are looked for: one source, or an ordered list. The result is the texts of `parse_recipe()` in
 * native/protocol/head_key.h, `source`, functions, and modules whose path is as it was written.
 */
export function readKeys(value: unknown): Parsed<readonly ResolvedKey[]> {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0 || list.length > MOST) return refuse(`expected 1 to ${MOST} sources`, ACCEPTED)
  const keys = new Map<unknown, ResolvedKey>()
  for (const item of list) {
    const read = readKey(item)
    if (!('value' in read)) return read
    const same = typeof read.value === 'object' ? `${read.value.constructor.name}:${read.value.text}` : read.value
    if (keys.has(same)) return refuse(`${shown(read.value)} is there twice`, ACCEPTED)
    if (keys.has('source')) {
      return refuse(`${shown(read.value)} stands behind source, which always has a key`, 'source as the last one')
    }
    keys.set(same, read.value)
  }
  return accept([...keys.values()])
}

/** What an address has, and what is offered for another purpose: they tell clients of one key apart, and are none themselves. */
const APART = ['port', 'address', 'tls.sessionId'] as const
const ACCEPTED_APART = `${listNames([...APART])}, or a source of keys in the first bytes`

/** Reads what tells the clients of a hot key apart. */
export function readHotBy(value: unknown): Parsed<string> {
  if ((APART as readonly unknown[]).includes(value)) return accept(value as string)
  const read = readKey(value)
  if (!('value' in read)) return refuse(read.refusal.message, ACCEPTED_APART)
  if (typeof read.value !== 'string') {
    return refuse(`${shown(read.value)} is made in JavaScript, where hot keys are not known`, ACCEPTED_APART)
  }
  if (read.value === 'tls.clientSubject') {
    return refuse('a certificate is one client, so that it tells nobody apart', ACCEPTED_APART)
  }
  if (read.value !== 'source') return accept(read.value)
  return refuse(`${quote(read.value)} is the same for all clients of a key`, ACCEPTED_APART)
}

function shown(key: ResolvedKey): string {
  if (typeof key === 'function') return functionName(key)
  return quote(typeof key === 'string' ? key : key.text)
}

function readKey(value: unknown): Parsed<ResolvedKey> {
  if (typeof value === 'string') return readText(value)
  // Only programs can say it so.
  if (typeof value === 'function') return accept(value as Extract<ResolvedKey, (...args: never) => unknown>)
  if (typeof value !== 'object' || value === null)
    return refuse(`expected a source of keys, got ${show(value)}`, ACCEPTED)
  if (Object.hasOwn(value, 'regex')) return readRegex(value as Record<string, unknown>)
  const [[kind, places] = [], ...others] = Object.entries(value)
  if (kind === undefined || others.length > 0 || !(MAPPINGS as readonly string[]).includes(kind)) {
    return refuse(`expected a source of keys, got ${show(value)}`, ACCEPTED)
  }
  if (kind === 'module') return readModule(places)
  if (kind === 'proxy') return readProxyKey(places)
  return kind === 'bytes' ? readBytes(places) : readLengthPrefixed(places)
}

function readRegex({ regex, bytes = USUAL_REGEX_BYTES, ...others }: Record<string, unknown>): Parsed<KeyRegex> {
  const accepted = '{ regex: "/…(group)…/flags", bytes: 1 to 65536 }, without lookarounds and backreferences'
  const text = regex instanceof RegExp ? String(regex) : regex
  if (typeof text !== 'string' || text.length > LONGEST_REGEX || Object.keys(others).length > 0) {
    return refuse(`expected a regular expression, got ${show(regex)}`, accepted)
  }
  if (!isPlace(bytes) || bytes === 0) return refuse(`expected a number of bytes, got ${show(bytes)}`, accepted)
  try {
    return accept(new KeyRegex(text, bytes))
  } catch (error) {
    return refuse(`${quote(text)} cannot be used: ${(error as Error).message}`, accepted)
  }
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
export function keyOption(key: ResolvedKey): KeyOption {
  if (typeof key === 'function') return functionName(key)
  if (key instanceof KeyRegex) return { regex: key.text, bytes: key.bytes }
  return typeof key === 'string' ? textOption(key) : { module: key.text }
}

function textOption(text: string): KeyOption {
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
    {
      type: 'object',
      properties: { regex: { type: 'string', pattern: '^/.+/[ims]*$' }, bytes: { ...place, minimum: 1 } },
      required: ['regex'],
      additionalProperties: false,
    },
    {
      type: 'object',
      properties: { module: MODULE_JSON },
      required: ['module'],
      additionalProperties: false,
    },
  ],
}

/** The JSON Schema of what {@link readHotBy} takes. */
export const HOT_BY_JSON = { anyOf: [{ enum: [...APART] }, ONE] }

/** The JSON Schema of what {@link readKeys} takes. */
export const KEYS_JSON = { anyOf: [ONE, { type: 'array', items: ONE, minItems: 1, maxItems: MOST }] }
