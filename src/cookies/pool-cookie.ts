import type { ResolvedCookie } from '../config/cookie.ts'
import { type NativeHeadKeys, native } from '../native.ts'
import { routeIn } from './route.ts'
import { BackendTokens } from './token.ts'

/** The cookie of a pool. */
export class PoolCookie {
  readonly settings: ResolvedCookie
  /** Finds its value in the first request of a client. */
  readonly inRequests: NativeHeadKeys
  readonly tokens: BackendTokens

  /** @param key - `DerivedSecrets.cookie` */
  constructor(settings: ResolvedCookie, key: Uint8Array, backends: Iterable<string>) {
    this.settings = settings
    this.inRequests = new (native().HeadKeys)([`http.cookie:${settings.name}`])
    // Only where they are used are they made.
    this.tokens = new BackendTokens(key, settings.mode === 'insert' ? backends : [])
  }

  /** The names of its backends have changed. */
  setBackends(backends: Iterable<string>): void {
    if (this.settings.mode === 'insert') this.tokens.replace(backends)
  }

  /** The backend that a value names; undefined: it names none that there is. */
  backendIn(value: string, isBackend: (name: string) => boolean): string | undefined {
    if (this.settings.mode === 'insert') return this.tokens.backendOf(value)
    return this.settings.mode === 'route' ? routeIn(this.settings, value, isBackend) : undefined
  }
}
