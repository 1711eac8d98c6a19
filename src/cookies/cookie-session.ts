import { type Found, foundOf, type HeadLook, type KeySource } from '../affinity/key-source.ts'
import type { ResolvedInsertCookie } from '../config/cookie.ts'
import type { NativeNamed, SessionCounter } from '../native.ts'
import type { PoolCore } from '../pool/core.ts'
import { servesPins } from '../pool/serves-pins.ts'
import { type ByteFilter, NO_BYTES } from './byte-filter.ts'
import { type HeadReader, HeadRewrite } from './head-rewrite.ts'
import { HttpObserver } from './http-observer.ts'
import type { PoolCookie } from './pool-cookie.ts'
import { type Prefix, withoutPrefix, withPrefix } from './prefix.ts'
import { CookieValues } from './request-cookies.ts'
import { HeadInsertion } from './response-head.ts'
import { cookieSetBy, setCookieLine } from './set-cookie.ts'

/** What a session does with the bytes of each direction; undefined: they go as they are. */
export interface SessionFilters {
  readonly toBackend?: ByteFilter | undefined
  readonly toClient?: ByteFilter | undefined
}

/** The pool, as far as cookies need it. */
type CookiePool = Pick<PoolCore, 'backend' | 'placeOf' | 'isRetired' | 'native' | 'servedAs' | 'servers'>

/** The cookie of one session: read from its first request, put into its first response, or learnt from any. */
export class CookieSession implements KeySource {
  readonly name = 'affinity.cookie'
  /** The rest of the request's head has the keys. */
  readonly isPatient = true
  readonly #pool: CookiePool
  readonly #cookie: PoolCookie
  readonly #count: (counter: SessionCounter) => void
  /** What was followed. */
  #value: string | undefined
  /** The first one says nothing here; browsers send one for each path and domain. Undefined: that is not known. */
  #others: CookieValues | undefined

  constructor(pool: CookiePool, cookie: PoolCookie, count: (counter: SessionCounter) => void) {
    this.#pool = pool
    this.#cookie = cookie
    this.#count = count
  }

  /** The cookie says where a client belongs before the pool's keys do. */
  begin(): HeadLook {
    return { find: head => this.#find(head) }
  }

  #find(head: Buffer): Found {
    if (this.#others === undefined) {
      const first = this.#cookie.inRequests.find(head, false, this.#pool.native)
      if (!(first instanceof Uint8Array)) return foundOf(first)
      const found = this.#follow(first.toString('latin1'))
      if (found !== undefined) return found
      this.#others = new CookieValues(this.#cookie.settings.name)
    }
    for (const value of this.#others.take(head)) {
      const found = this.#follow(value)
      if (found !== undefined) return found
    }
    return this.#others.areAll ? undefined : 'more'
  }

  /** Undefined: a value that says nothing here. */
  #follow(value: string): Found {
    const key = Buffer.from(value, 'latin1')
    const isLearnt = this.#cookie.settings.mode === 'learn'
    const found = isLearnt ? (this.#pool.native.knows(key) ? key : undefined) : this.#placeIn(value)
    if (found !== undefined) this.#value = value
    return found
  }

  /** Where the native pool has the backend that a value names; undefined: it names none that could be followed. */
  #placeIn(value: string): NativeNamed | undefined {
    const pool = this.#pool
    const name = this.#cookie.backendIn(value, candidate => pool.backend(candidate) !== undefined)
    return name === undefined || pool.isRetired || !servesPins(pool, name) ? undefined : pool.placeOf(name)
  }

  /** For a session that is joined to a backend, by a seat. */
  filters(backend: string, seat: number): SessionFilters {
    const { settings } = this.#cookie
    if (settings.mode === 'insert') return { toClient: this.#insertion(settings, backend) }
    if (settings.mode === 'learn') return this.#observers(seat)
    return settings.position === 'prefix' ? this.#rewrites(settings, backend) : {}
  }

  /** A client that has the right cookie is told nothing, unless it is to keep it for longer. */
  #insertion(settings: ResolvedInsertCookie, backend: string): ByteFilter | undefined {
    const token = this.#cookie.tokens.tokenOf(backend)
    if (settings.maxAge === 0 && this.#value === token) return undefined
    return new HeadInsertion(setCookieLine(settings, token), () => this.#count('cookiesSet'))
  }

  #observers(seat: number): SessionFilters {
    const observer = new HttpObserver({ setCookie: field => this.#learn(field, seat), readsLater: true })
    const watch = ({ read, isReading }: HeadReader): ByteFilter => ({
      push: chunk => {
        if (isReading()) read(chunk)
        return chunk
      },
      end: () => NO_BYTES,
      isHolding: false,
    })
    const { requests, responses } = this.#readers(observer)
    return { toBackend: watch(requests), toClient: watch(responses) }
  }

  #rewrites(prefix: Prefix, backend: string): SessionFilters {
    const { requests, responses } = this.#readers(new HttpObserver({ readsLater: false }))
    const isBackend = (name: string): boolean => this.#pool.backend(name) !== undefined
    return {
      toBackend: new HeadRewrite(requests, head => withoutPrefix(prefix, isBackend, head)),
      toClient: new HeadRewrite(responses, head => withPrefix(prefix, backend, head)),
    }
  }

  /** Both sides of an observer; where it gives up, that is counted once. */
  #readers(observer: HttpObserver): Record<'requests' | 'responses', HeadReader> {
    const readerOf = (read: HeadReader['read']): HeadReader => ({
      read: chunk => {
        const marks = read(chunk)
        if (observer.hasFailed) this.#count('cookiesUnread')
        return marks
      },
      isReading: () => observer.isReading,
    })
    return { requests: readerOf(chunk => observer.sent(chunk)), responses: readerOf(chunk => observer.answered(chunk)) }
  }

  #learn(field: string, seat: number): void {
    const value = cookieSetBy(field, this.#cookie.settings.name)
    if (value === undefined) return
    this.#pool.native.learn(Buffer.from(value, 'latin1'), seat)
    this.#count('cookiesLearnt')
  }
}
