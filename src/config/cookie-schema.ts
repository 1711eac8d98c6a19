import { z } from 'zod'
import type { CookieMode } from './cookie-options.ts'
import { DAY, type Mode } from './duration.ts'
import { accept, type Parsed, refuse } from './parsed.ts'
import { duration, MISSING, off, oneOf, scalar, yesNo } from './scalars.ts'
import { quote, show } from './text.ts'

/** Browsers keep no cookie for longer (RFC 6265bis, 5.5). */
const LONGEST_AGE = 400 * DAY

/** Which modes take a key that not all of them take. */
const MODES_OF_KEY = {
  maxAge: ['insert'],
  path: ['insert'],
  domain: ['insert'],
  sameSite: ['insert'],
  secure: ['insert'],
  httpOnly: ['insert'],
  position: ['route'],
  separator: ['route'],
} as const satisfies Record<string, readonly CookieMode[]>

/** A text of a cookie, by the pattern that it must have. */
function matching(pattern: string, accepted: string, description: string): z.ZodType<string, string> {
  const read = (value: unknown): Parsed<string> => {
    if (typeof value !== 'string') return refuse(`expected a text, got ${show(value)}`, accepted)
    return new RegExp(pattern).test(value) ? accept(value) : refuse(`${quote(value)} is not accepted`, accepted)
  }
  return scalar(read, { type: 'string', pattern, description })
}

function cookieSettings(mode: Mode) {
  return z
    .strictObject({
      mode: oneOf(
        ['insert', 'learn', 'route'],
        "What the cookie is. insert: Limpet's own, put into answers; learn: the application's, whose value is remembered; route: the application's, with the backend's name in its value.",
      ),
      name: matching(
        // A token of RFC 9110, 5.6.2.
        "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$",
        'a name of 1 to 128 letters, digits and - _ .',
        'Name of the cookie; default with insert: limpet.',
      ).optional(),
      maxAge: duration(
        { min: 1000, max: LONGEST_AGE, zero: true, wholeSeconds: true, why: 'that of browsers' },
        mode,
        'With insert: how long browsers keep it, from its last connection on; 0, the default: until they are closed.',
      ).optional(),
      path: matching(
        '^/[!-:<-~]{0,1023}$',
        'a path that begins with / and has no ; and no spaces',
        'With insert: for which paths it is sent; default: /.',
      ).optional(),
      domain: matching(
        '^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$',
        'a domain, like example.org',
        'With insert: to which domain and its subdomains it is sent; default: only to the host that set it.',
      ).optional(),
      sameSite: oneOf(
        ['strict', 'lax', 'none'],
        'With insert: whether it is sent with requests from other sites; default: lax. none needs secure.',
      ).optional(),
      secure: yesNo('With insert: whether it is sent over TLS only; default: false.').optional(),
      httpOnly: yesNo('With insert: whether scripts of a page cannot see it; default: true.').optional(),
      position: oneOf(
        ['prefix', 'suffix'],
        "With route: where in the value the backend's name is. suffix, the default: behind, where the application has written it; prefix: before, where Limpet writes it.",
      ).optional(),
      separator: matching(
        // Octets of a value of a cookie (RFC 6265, 4.1.1), but for what is between two parameters of others.
        "^[!#$%&'()*+./:<=>?@^_`{|}~-]{1,8}$",
        '1 to 8 characters that are no letters, digits, spaces, quotes, commas, semicolons and backslashes',
        "With route: what is between the backend's name and the rest; default: . with suffix, ~ with prefix.",
      ).optional(),
    })
    .superRefine((given, context) => {
      for (const { path, message, accepted } of cookieProblems(given))
        context.addIssue({ code: 'custom', path, message, params: { accepted } })
    })
}

/** A cookie, when it was read. */
export type ParsedCookie = z.output<ReturnType<typeof cookieSettings>>

/** What the keys have that the mode does not, and what they lack. */
function cookieProblems(given: ParsedCookie): { path: string[]; message: string; accepted: string }[] {
  const { mode, name, sameSite, secure } = given
  const problems = Object.entries(MODES_OF_KEY).flatMap(([key, modes]) => {
    if (given[key as keyof typeof MODES_OF_KEY] === undefined || (modes as readonly string[]).includes(mode)) return []
    return [{ path: [key], message: `a cookie of mode ${mode} does not have this`, accepted: `mode ${modes.join()}` }]
  })
  if (mode !== 'insert' && name === undefined)
    problems.push({ path: ['name'], message: MISSING, accepted: "the name of the application's cookie" })
  if (sameSite === 'none' && secure !== true)
    problems.push({ path: ['sameSite'], message: 'browsers drop it without secure', accepted: 'secure: true, or lax' })
  return problems
}

/** Stickiness by a cookie. */
export function cookie(mode: Mode) {
  return z
    .union([cookieSettings(mode), off('{ mode, name, … }', 'No cookie.')])
    .prefault('off')
    .describe('A cookie of HTTP/1.x that names the backend of a client, before its key is looked at.')
}
