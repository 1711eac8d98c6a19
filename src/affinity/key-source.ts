import { HeadVerdict, type NativeHeadKeys, type NativeNamed, type NativePool, native } from '../native.ts'
import { bytesOfAnswer, type KeyConnection, type KeyFunction } from './key-function.ts'

/** A backend that a client names itself, as the native pool takes it. */
export type NamedBackend = Pick<NativeNamed, 'index' | 'generation'>

/**
 * What a source says of a head: its key; the backend that the client names; that it needs more bytes to tell; that there is none,
 * whatever follows.
 */
export type Found = Uint8Array | NamedBackend | 'more' | undefined

/** Looks at the head of one connection. */
export interface HeadLook {
  /** The head grows from one call to the next. May throw, and may take its time. */
  find(head: Buffer): Found | Promise<Found>
  /** It wanted more bytes than there are: what it makes of those that it has seen. Left out: nothing. */
  last?(): Uint8Array | undefined
}

/** Where keys may be. */
export interface KeySource {
  /** As it is called in the log. */
  readonly name: string
  /** Begins with a connection. */
  begin(connection: KeyConnection): HeadLook
}

/** A kind of the native core's, by its text. */
export class NativeKeySource implements KeySource {
  readonly name: string
  readonly #keys: NativeHeadKeys
  readonly #pool: () => NativePool
  readonly #look: HeadLook = {
    find: head => {
      const key = this.#keys.find(head, false, this.#pool())
      if (typeof key !== 'number') return key
      return key === HeadVerdict.more ? 'more' : undefined
    },
  }

  /** `pool`: who knows the keys that are learnt, and the addresses of backends. */
  constructor(text: string, pool: () => NativePool) {
    this.name = text
    this.#pool = pool
    this.#keys = new (native().HeadKeys)([text])
  }

  begin(): HeadLook {
    return this.#look
  }
}

/** A function of somebody else's. */
export class FunctionKeySource implements KeySource {
  readonly name: string
  readonly #function: () => KeyFunction

  /** `get`: the function, when it is first needed. */
  constructor(name: string, get: () => KeyFunction) {
    this.name = name
    this.#function = get
  }

  begin(connection: KeyConnection): HeadLook {
    const makeKey = this.#function()
    return {
      find: head => {
        // A copy: the backend gets what the client has sent, whatever is done to it here.
        const answer = makeKey(Buffer.from(head), connection)
        return isPromise(answer) ? Promise.resolve(answer).then(bytesOfAnswer) : bytesOfAnswer(answer)
      },
    }
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
