import { HeadVerdict, type NativeHeadKeys, type SessionCounter } from '../native.ts'
import type { PoolCore } from '../pool/core.ts'
import { type ByteFilter, NO_BYTES } from './byte-filter.ts'
import { HttpObserver } from './http-observer.ts'
import type { PoolCookie } from './pool-cookie.ts'
import { HeadInsertion } from './response-head.ts'
import { cookieSetBy, setCookieLine } from './set-cookie.ts'

/** What a cookie says of where its client goes. */
export interface Named {
  /** Where the native pool has the backend. */
  readonly place?: { index: number; generation: number } | undefined
  /** A key that was learnt, and has a pin. */
  readonly learnt?: Uint8Array | undefined
}

/** What a session does with the bytes of each direction; undefined: they go as they are. */
export interface SessionFilters {
  readonly toBackend?: ByteFilter | undefined
  readonly toClient?: ByteFilter | undefined
}

/** The pool, as far as cookies need it. */
type CookiePool = Pick<PoolCore, 'backend' | 'placeOf' | 'isRetired' | 'native' | 'headKeys'>

/** The cookie of one session: read from its first request, put into its first response, or learnt from any. */
export class CookieSession {
  readonly #pool: CookiePool
  readonly #cookie: PoolCookie
  readonly #count: (counter: SessionCounter) => void
  #value: Buffer | undefined
  #key: Buffer | undefined

  constructor(pool: CookiePool, cookie: PoolCookie, count: (counter: SessionCounter) => void) {
    this.#pool = pool
    this.#cookie = cookie
    this.#count = count
  }

  /** As {@link NativeHeadKeys.find}, of the cookie, and of the pool's other keys for those without. Either counts as found. */
  find(head: Uint8Array, ended: boolean): Buffer | number {
    const cookie = this.#cookie.inRequests.find(head, ended)
    const key = this.#pool.headKeys?.keys.find(head, ended) ?? HeadVerdict.missing
    if (cookie === HeadVerdict.more || key === HeadVerdict.more) return HeadVerdict.more
    if (typeof cookie !== 'number') this.#value = cookie
    if (typeof key !== 'number') this.#key = key
    return this.#value ?? (typeof key === 'number' ? Math.max(key, Number(cookie)) : key)
  }

  /** The key of the client, where the cookie says nothing. */
  get key(): Buffer | undefined {
    return this.#key
  }

  /** What the cookie says. */
  named(): Named {
    const value = this.#value
    if (value === undefined) return {}
    if (this.#cookie.settings.mode === 'learn') return this.#pool.native.knows(value) ? { learnt: value } : {}
    const name = this.#cookie.backendIn(
      value.toString('latin1'),
      candidate => this.#pool.backend(candidate) !== undefined,
    )
    return name === undefined || this.#pool.isRetired ? {} : { place: this.#pool.placeOf(name) }
  }

  /** For a session that is joined to a backend, by a seat. */
  filters(backend: string, seat: number): SessionFilters {
    const { mode } = this.#cookie.settings
    if (mode === 'insert') return { toClient: this.#insertion(backend) }
    return mode === 'learn' ? this.#observers(seat) : {}
  }

  /** A client that has the right cookie is told nothing, unless it is to keep it for longer. */
  #insertion(backend: string): ByteFilter | undefined {
    const { settings, tokens } = this.#cookie
    if (settings.mode !== 'insert') return undefined
    const token = tokens.tokenOf(backend)
    if (settings.maxAge === 0 && this.#value?.toString('latin1') === token) return undefined
    return new HeadInsertion(setCookieLine(settings, token), () => this.#count('cookiesSet'))
  }

  #observers(seat: number): SessionFilters {
    const observer = new HttpObserver(field => this.#learn(field, seat))
    const watch = (see: (chunk: Buffer) => void): ByteFilter => ({
      push: chunk => {
        if (!observer.isReading) return chunk
        see(chunk)
        if (observer.hasFailed) this.#count('cookiesUnread')
        return chunk
      },
      end: () => NO_BYTES,
      isHolding: false,
    })
    return { toBackend: watch(chunk => observer.sent(chunk)), toClient: watch(chunk => observer.answered(chunk)) }
  }

  #learn(field: string, seat: number): void {
    const value = cookieSetBy(field, this.#cookie.settings.name)
    if (value === undefined) return
    this.#pool.native.learn(Buffer.from(value, 'latin1'), seat)
    this.#count('cookiesLearnt')
  }
}
