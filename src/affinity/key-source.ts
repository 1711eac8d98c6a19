import { HeadVerdict, type NativeHeadKeys, type NativeNamed, type NativePool, native } from '../native.ts'
import { bytesOfAnswer, type KeyConnection } from './key-function.ts'

/** A backend that a client names itself, as the native pool takes it. */
export type NamedBackend = Pick<NativeNamed, 'index' | 'generation'>

/**
 * What a source says of a head: its key; `source`, which is the address that the PROXY header names; the backend that the client names; that it needs more bytes to tell; that there is none,
 * whatever follows.
 */
export type Found = Uint8Array | 'source' | NamedBackend | 'more' | undefined

/** Looks at the head of one connection. */
export interface HeadLook {
  /** The head grows from one call to the next. May throw, and may take its time. */
  find(head: Buffer): Found | Promise<Found>
  /** It wanted more bytes than there are: what it makes of those that it has seen. Left out: nothing. */
  last?(): Uint8Array | undefined
}

/** Where keys may be. `Connection`: what it must know of one. */
export interface KeySource<Connection = KeyConnection> {
  /** As it is called in the log. */
  readonly name: string
  /** It is not asked before there are bytes, or none will come. */
  readonly waitsForBytes?: true
  /** Where it names a backend the sources behind it are waited for all the same. */
  readonly isPatient?: true
  /** Begins with a connection. `proxyHeader`: what came before its first bytes, if anything. */
  begin(connection: Connection, proxyHeader?: Uint8Array): HeadLook
}

/** One that is told of, whatever it must know. */
export type FailedSource = Pick<KeySource, 'name'>

/** A kind of the native core's, by its text. */
export class NativeKeySource implements KeySource {
  readonly name: string
  readonly keys: NativeHeadKeys
  readonly #pool: () => NativePool | undefined

  /**
   * `pool`: who knows the keys that are learnt, and the addresses of backends; undefined: what is found counts as it is, whatever
   * a pool knows of it.
   */
  constructor(text: string, pool: () => NativePool | undefined) {
    this.name = text
    this.#pool = pool
    this.keys = new (native().HeadKeys)([text])
  }

  begin(_: KeyConnection, proxyHeader?: Uint8Array): HeadLook {
    return { find: head => foundOf(this.keys.find(head, false, this.#pool(), proxyHeader)) }
  }
}

/** A key that is known before the first byte; or that there is none. */
export class KnownKeySource implements KeySource {
  readonly name: string
  readonly #look: HeadLook

  constructor(name: string, key: Uint8Array | undefined) {
    this.name = name
    this.#look = { find: () => key }
  }

  begin(): HeadLook {
    return this.#look
  }
}

/** What the native core says of a head to which more bytes may come. */
export function foundOf(key: Uint8Array | NativeNamed | number): Found {
  if (typeof key !== 'number') return key
  if (key === HeadVerdict.address) return 'source'
  return key === HeadVerdict.more ? 'more' : undefined
}

/** What {@link FunctionKeySource} asks. */
type Code<Connection> = (head: Buffer, connection: Connection) => unknown

/** A function of somebody else's. */
export class FunctionKeySource<Connection = KeyConnection> implements KeySource<Connection> {
  readonly name: string
  readonly waitsForBytes = true
  readonly #function: () => Code<Connection>
  readonly #read: typeof bytesOfAnswer

  /** `get`: the function, when it is first needed; `read`: what its answers are, and throws where it is none. */
  constructor(name: string, get: () => Code<Connection>, read = bytesOfAnswer) {
    this.name = name
    this.#function = get
    this.#read = read
  }

  begin(connection: Connection): HeadLook {
    const makeKey = this.#function()
    return {
      find: head => {
        // A copy: the backend gets what the client has sent, whatever is done to it here.
        const answer = makeKey(Buffer.from(head), connection)
        return isPromise(answer) ? Promise.resolve(answer).then(this.#read) : this.#read(answer)
      },
    }
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
