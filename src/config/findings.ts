import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { isMapping } from './mapping.ts'
import type { Finding } from './parsed.ts'
import { MISSING } from './scalars.ts'
import { forms, knownKeys, placesOf, schemaAt } from './schema-walk.ts'
import { didYouMean, listNames, nearestName, type Path, pathText, quote, show } from './text.ts'

/** More problems than this are not told: each costs a search for what was meant. */
export const MOST_PROBLEMS = 1000

type Issue = z.core.$ZodIssue

/** What zod found wrong, in our words. */
export function findingsOf(schema: z.core.$ZodType, raw: unknown, issues: readonly Issue[]): Finding[] {
  const findings = issues.slice(0, MOST_PROBLEMS).flatMap(issue => findingsOfIssue(schema, raw, issue, []))
  const misspelt = new Set(
    findings.flatMap(({ path, meant }) => (meant === undefined ? [] : [pathText([...path.slice(0, -1), meant])])),
  )
  // A misspelt key is missing under its right name as well: that is one mistake, told once.
  return findings.filter(({ path, message }) => message !== MISSING || !misspelt.has(pathText(path)))
}

function findingsOfIssue(root: z.core.$ZodType, raw: unknown, issue: Issue, base: Path): Finding[] {
  const path = [...base, ...(issue.path as Path)]
  const value = valueAt(raw, path)
  switch (issue.code) {
    case 'custom':
      return [
        {
          path,
          message: issue.message,
          ...told(issue.params),
          at: value === undefined || value === null ? 'key' : 'value',
        },
      ]
    case 'unrecognized_keys':
      return issue.keys.slice(0, MOST_PROBLEMS).map(key => unknownKey(root, value, path, key))
    case 'invalid_key':
      return [badName(issue, path)]
    case 'invalid_union':
      return unionFindings(root, raw, issue, path)
    case 'too_big':
      return [{ path, message: `the list is too long`, accepted: `at most ${issue.maximum} entries`, at: 'key' }]
    default:
      return [wrongKind(root, path, value)]
  }
}

function told(params: Record<string, unknown> | undefined): {
  accepted?: string | undefined
  code?: ErrorCode | undefined
} {
  return params === undefined
    ? {}
    : { accepted: params.accepted as string | undefined, code: params.code as ErrorCode | undefined }
}

function unknownKey(root: z.core.$ZodType, parent: unknown, path: Path, key: string): Finding {
  const schema = schemaAt(root, path)
  const known = schema === undefined ? [] : knownKeys(schema)
  const finding = { path: [...path, ...shownKey(path, key, known)], accepted: listNames(known), at: 'key' } as const
  if (!known.includes(key)) {
    return { ...finding, message: `unknown key${keyHint(root, key, known)}`, meant: nearestName(key, known) }
  }
  // Known to another form of the same value: { env, file }.
  const others = Object.keys(Object(parent)).filter(other => other !== key)
  return {
    ...finding,
    message: `cannot be given together with ${listNames(others)}`,
    accepted: `one of ${listNames(known)}`,
  }
}

/** Keys whose values are secrets. */
const SECRET_KEYS = ['secret', 'token']

/** The key as it may be told: `secret:abc` without its space is a key, and so is the text in `secret: { abc }`. */
function shownKey(path: Path, key: string, known: readonly string[]): Path {
  const begun = SECRET_KEYS.find(secret => key.startsWith(`${secret}:`))
  if (begun !== undefined) return [begun]
  return SECRET_KEYS.includes(String(path.at(-1))) && !known.includes(key) && nearestName(key, known) === undefined
    ? []
    : [key]
}

function keyHint(root: z.core.$ZodType, key: string, known: readonly string[]): string {
  if (key === '<<') return '; YAML 1.2 has no merge keys: use an alias for a whole value, or repeat the settings'
  const [beforeColon = ''] = key.split(':', 1)
  if (beforeColon !== key && known.includes(beforeColon))
    return `; a space is missing after ${quote(`${beforeColon}:`)}`
  const places = placesOf(root, key)
  const meant = didYouMean(key, known)
  if (meant !== '' || places.length === 0) return meant
  return `; it belongs to ${places.slice(0, 3).join(', or ')}`
}

function badName(issue: z.core.$ZodIssueInvalidElement | z.core.$ZodIssueInvalidKey, path: Path): Finding {
  const [first] = issue.issues
  const facts = first?.code === 'custom' ? told(first.params) : {}
  return { path, message: first?.message ?? 'cannot be a name', ...facts, at: 'key' }
}

/** Of several forms, the one that the user most likely wrote is the one to talk about. */
function unionFindings(
  root: z.core.$ZodType,
  raw: unknown,
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
): Finding[] {
  const value = valueAt(raw, path)
  const schema = schemaAt(root, path)
  const options = schema === undefined ? [] : forms(schema)
  if (isMapping(value) && Object.keys(value).length === 0) return [emptyMapping(issue, options, path)]
  const branches = issue.errors.filter((_, index) => options[index] instanceof z.ZodObject === isMapping(value))
  const best = branches.reduce((left, right) => (weightOf(right) < weightOf(left) ? right : left), branches[0] ?? [])
  return best.flatMap(inner => findingsOfIssue(root, raw, inner, path))
}

/** Says what all forms are, as the form that is no mapping does. */
function emptyMapping(issue: z.core.$ZodIssueInvalidUnion, options: readonly z.core.$ZodType[], path: Path): Finding {
  const plain = issue.errors.find((_, index) => !(options[index] instanceof z.ZodObject))
  const [first] = plain ?? []
  return { path, message: 'the mapping is empty', ...(first?.code === 'custom' ? told(first.params) : {}) }
}

/** A missing key is a worse fit than a key too many or a wrong value. */
function weightOf(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'custom' && issue.message === MISSING ? 10 : 1), 0)
}

function wrongKind(root: z.core.$ZodType, path: Path, value: unknown): Finding {
  const schema = schemaAt(root, path)
  const [form] = schema === undefined ? [] : forms(schema)
  const isList = form instanceof z.ZodArray
  const kind = isList ? 'a list' : 'a mapping'
  const keys = schema === undefined ? [] : knownKeys(schema)
  const accepted = isList
    ? 'a list, each entry after a "-"'
    : keys.length > 0
      ? `a mapping of ${listNames(keys)}`
      : 'a mapping of names to settings'
  if (value === undefined && path.length > 0) return { path, message: MISSING, accepted, at: 'key' }
  const empty = value === null || value === undefined
  return {
    path,
    message: empty
      ? `${path.length === 0 ? 'the document ' : ''}is empty; expected ${kind}`
      : `expected ${kind}, got ${show(value)}`,
    accepted,
    at: empty ? 'key' : 'value',
  }
}

/** What the user gave at a place; undefined where there is nothing. */
function valueAt(raw: unknown, path: Path): unknown {
  let value = raw
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<string | number, unknown>)[step]
  }
  return value
}
