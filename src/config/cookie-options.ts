import type { Duration } from './value-options.ts'

/**
 * How a cookie names the backend of a client. `insert`: a cookie of Limpet's own, which is put into the answers; `learn`: a cookie
 * of the application's, whose value is remembered; `route`: a cookie of the application's, in whose value the backend's name stands.
 */
export type CookieMode = 'insert' | 'learn' | 'route'

/** Stickiness by a cookie of HTTP/1.x, for each connection. See docs/cookies.md. */
export interface CookieOptions {
  mode: CookieMode
  /**
   * Name of the cookie.
   * @defaultValue 'limpet' with `insert`; with the other modes it must be there
   */
  name?: string | undefined
  /**
   * `insert`: how long a browser keeps the cookie, 1 second to 400 days in whole seconds; each connection begins that time anew. 0:
   * until it is closed.
   * @defaultValue 0
   */
  maxAge?: Duration | undefined
  /**
   * `insert`: for which paths the cookie is sent.
   * @defaultValue '/'
   */
  path?: string | undefined
  /**
   * `insert`: to which domain, and its subdomains, it is sent.
   * @defaultValue only to the host that set it
   */
  domain?: string | undefined
  /**
   * `insert`: whether it is sent with requests that come from other sites. `none` needs `secure`.
   * @defaultValue 'lax'
   */
  sameSite?: 'strict' | 'lax' | 'none' | undefined
  /**
   * `insert`: whether it is sent over TLS only.
   * @defaultValue false
   */
  secure?: boolean | undefined
  /**
   * `insert`: whether scripts of a page cannot see it.
   * @defaultValue true
   */
  httpOnly?: boolean | undefined
  /**
   * `route`: where in the value the backend's name is. `suffix`: behind the separator, where the application has written it;
   * `prefix`: before it, where Limpet writes it into responses and takes it out of requests.
   * @defaultValue 'suffix'
   */
  position?: 'prefix' | 'suffix' | undefined
  /**
   * `route`: what stands between the backend's name and the rest, 1 to 8 characters.
   * @defaultValue '.' with `suffix`, '~' with `prefix`
   */
  separator?: string | undefined
}
