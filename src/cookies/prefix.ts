import { withoutSpace } from './optional-space.ts'
import { routeIn } from './route.ts'
import { cookieSetBy } from './set-cookie.ts'

/** The name of a backend before the value of an application's cookie, as HAProxy's `cookie NAME prefix` has it. */
export interface Prefix {
  /** Of the cookie. */
  readonly name: string
  readonly separator: string
}

/** Fields of a head, with the lines that continue them (RFC 9112, 5.2). */
const SET_COOKIE = /(?<=\n)(set-cookie:)([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)/gi
const COOKIE = /(?<=\n)(cookie:)([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)/gi

/** The head of a response, with the backend's name put before each value that it gives to the cookie. */
export function withPrefix({ name, separator }: Prefix, backend: string, head: string): string {
  return head.replace(SET_COOKIE, (field: string, title: string, text: string) => {
    const value = cookieSetBy(text, name)
    if (value === undefined) return field
    const equals = text.indexOf('=')
    return `${title}${text.slice(0, equals + 1)}${backend}${separator}${text.slice(equals + 1).trimStart()}`
  })
}

/**
 * The head of a request, with the name of a backend taken from before the value of the cookie; where it is none that there is
 * any more, what is before the first separator.
 */
export function withoutPrefix(
  { name, separator }: Prefix,
  isBackend: (backend: string) => boolean,
  head: string,
): string {
  const strip = (pair: string): string => {
    const equals = pair.indexOf('=')
    if (equals < 0 || pair.slice(0, equals).trim() !== name) return pair
    const value = withoutSpace(pair.slice(equals + 1))
    const known = routeIn({ position: 'prefix', separator }, value, isBackend)
    const end = known?.length ?? value.indexOf(separator)
    return end < 0 ? pair : `${pair.slice(0, equals + 1)}${value.slice(end + separator.length)}`
  }
  return head.replace(COOKIE, (_, title: string, pairs: string) => `${title}${pairs.split(';').map(strip).join(';')}`)
}
