import { distance } from 'fastest-levenshtein'
import { visible } from '../visible.ts'

/** A place in a document: keys and list indexes from its root. */
export type Path = readonly (string | number)[]

const LONGEST_SHOWN = 120
const LONGEST_COMPARED = 64
const MOST_LISTED = 30

/**
 * Puts text between quotes, shortened, so that nothing in it can reach a terminal as a control sequence. What follows
 * `secret:` or `token:`, which is text where its space is missing, is not told.
 */
export function quote(text: string): string {
  const told = text.replace(/((?:secret|token)\w{0,8}\s?[:=]).+$/is, '$1…')
  const short = told.length > LONGEST_SHOWN ? `${told.slice(0, LONGEST_SHOWN)}…` : told
  return visible(JSON.stringify(short))
}

/** What kind of value was given, and which, for the end of a sentence. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (typeof value === 'string') return `the text ${quote(value)}`
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? showObject(value) : `a ${typeof value}`
}

/** Programs can give what no document holds, like a `Map`. */
function showObject(value: object): string {
  const { constructor: kind } = value
  return typeof kind !== 'function' || kind === Object ? 'a mapping' : `a ${quote(kind.name)}`
}

/** The names of a list, for "accepted". */
export function listNames(names: Iterable<string>): string {
  const all = [...names]
  const shown = all.slice(0, MOST_LISTED).map(name => (/^[\p{L}\p{N}_.:@/-]{1,128}$/u.test(name) ? name : quote(name)))
  return all.length > shown.length ? `${shown.join(', ')}, … (${all.length} in all)` : shown.join(', ')
}

/** A path as text: `pools.redis.backends[0].weight`; keys that would be ambiguous are quoted. */
export function pathText(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!/^[A-Za-z0-9_][\w:@/-]*$/.test(step)) text += `[${quote(step)}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}

/** The known name that was probably meant, or undefined when none is near enough. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LONGEST_COMPARED) return undefined
  const wanted = plain(name)
  let best: string | undefined
  let bestDistance = Math.ceil(wanted.length / 3) + 1
  for (const candidate of known) {
    if (candidate.length > LONGEST_COMPARED) continue
    const away = isLongForm(wanted, plain(candidate)) ? 1 : distance(wanted, plain(candidate))
    if (away >= bestDistance) continue
    best = candidate
    bestDistance = away
  }
  return best
}

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known)
  return nearest === undefined ? '' : `; did you mean ${quote(nearest)}?`
}

/** `warning` for `warn`, `max` for `maxSessions`: many letters away, and yet what was meant. */
function isLongForm(wanted: string, candidate: string): boolean {
  return (
    Math.min(wanted.length, candidate.length) >= 3 && (wanted.startsWith(candidate) || candidate.startsWith(wanted))
  )
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '')
}
