/** What a {@link KeyFunction} is told of a connection. Frozen. */
export interface KeyConnection {
  /** Its IP address; undefined: it has none (unix socket). */
  readonly clientAddress: string | undefined
  readonly clientPort: number | undefined
  /** Name of the listener that it came to; undefined: a socket that was given to a pool. */
  readonly listener: string | undefined
  /** Name of the pool. */
  readonly pool: string
}

/**
 * What a {@link KeyFunction} says: the key; `undefined`, there is none, whatever may follow; `'more'`, the bytes end too early to
 * tell. A key that is the text `more` is said as `Buffer.from('more')`. Text is UTF-8; an empty key is none.
 */
export type KeyAnswer = string | Uint8Array | undefined

/**
 * Makes the key of a connection from its first bytes, `head`: all that have come, a copy. It is asked again when more have come,
 * if it said `'more'`, up to `peek.bytes` and within `peek.timeout`.
 */
export type KeyFunction = (head: Buffer, connection: KeyConnection) => KeyAnswer | PromiseLike<KeyAnswer>

/** `kMaxKeyBytes` of native/core/affinity_key.h. */
const MOST_KEY_BYTES = 65_536

/** What a function answered, as bytes: an empty key is none. Throws where it is neither. */
export function bytesOfAnswer(answer: unknown): Uint8Array | 'more' | undefined {
  if (answer === undefined || answer === 'more') return answer
  if (typeof answer !== 'string' && !(answer instanceof Uint8Array)) {
    throw new TypeError(`a key is a string, a Buffer or undefined, not ${describe(answer)}`)
  }
  // Counted before it is copied.
  const length = typeof answer === 'string' ? Buffer.byteLength(answer) : answer.length
  if (length > MOST_KEY_BYTES) throw new RangeError(`a key has at most ${MOST_KEY_BYTES} bytes, not ${length}`)
  if (length === 0) return undefined
  return typeof answer === 'string' ? Buffer.from(answer) : answer
}

/** A function as it is called where a configuration is told, and in the log: there is no text that would make it again. */
export function functionName({ name }: { readonly name: string }): string {
  return `[Function ${name || 'anonymous'}]`
}

function describe(value: unknown): string {
  return value === null ? 'null' : `a value of the type ${typeof value}`
}
