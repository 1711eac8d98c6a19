import { HeadVerdict, type NativeHeadKeys, native } from '../native.ts'
import { bytesOfAnswer, type KeyConnection, type KeyFunction } from './key-function.ts'

/** What a source says of a head: its key; that it needs more bytes to tell; that there is none, whatever follows. */
export type Found = Uint8Array | 'more' | undefined

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
  readonly #look: HeadLook = {
    find: head => {
      const key = this.#keys.find(head)
      if (typeof key !== 'number') return key
      return key === HeadVerdict.more ? 'more' : undefined
    },
  }

  constructor(text: string) {
    this.name = text
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
