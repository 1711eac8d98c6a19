import type { ResolvedInsertCookie } from '../config/cookie.ts'
import { withoutSpace } from './optional-space.ts'

const SAME_SITE = { strict: 'Strict', lax: 'Lax', none: 'None' } as const

/** The header field that sets a cookie, with its line end (RFC 6265, 4.1). */
export function setCookieLine(cookie: ResolvedInsertCookie, value: string): Buffer {
  const { name, path, domain, maxAge, sameSite, secure, httpOnly } = cookie
  const parts = [
    `${name}=${value}`,
    `Path=${path}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    ...(maxAge === 0 ? [] : [`Max-Age=${maxAge / 1000}`]),
    `SameSite=${SAME_SITE[sameSite]}`,
    ...(secure ? ['Secure'] : []),
    ...(httpOnly ? ['HttpOnly'] : []),
  ]
  return Buffer.from(`Set-Cookie: ${parts.join('; ')}\r\n`, 'latin1')
}

/**
 * The value that a field `Set-Cookie` gives to a cookie; undefined: it is another cookie, it is empty, or it is taken back
 * (`Max-Age` of 0 and less, `Expires` in the past).
 */
export function cookieSetBy(field: string, name: string): string | undefined {
  const [pair = '', ...attributes] = field.split(';')
  const equals = pair.indexOf('=')
  if (equals < 0 || pair.slice(0, equals).trim() !== name) return undefined
  const value = withoutSpace(pair.slice(equals + 1))
  return value === '' || takesBack(attributes) ? undefined : value
}

/** `Max-Age` counts where both are there (RFC 6265, 5.3). */
function takesBack(attributes: readonly string[]): boolean {
  const maxAge = attributeOf(attributes, 'max-age')
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return Number(maxAge) <= 0
  return Date.parse(attributeOf(attributes, 'expires') ?? '') <= Date.now()
}

/** The last one counts (RFC 6265, 5.3). */
function attributeOf(attributes: readonly string[], name: string): string | undefined {
  const found = attributes.findLast(attribute => attribute.split('=', 1)[0]?.trim().toLowerCase() === name)
  return found?.slice(found.indexOf('=') + 1).trim()
}
