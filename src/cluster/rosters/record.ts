import { LIMITS } from '../../config/schema.ts'
import type { PoolOverlay } from '../../state/overlay.ts'
import { poolOverlayOf } from '../../state/state-file.ts'

/** Characters of the longest overlay: 10,000 backends with their settings have about half of it. */
export const MOST_CHARACTERS = 4 * 2 ** 20
/** Of a name of a balancer or a person; what is longer is cut. */
const LONGEST_NAME = 256
/** Of what was changed, for people; what is longer is cut. */
const LONGEST_WHAT = 1000
/** The shared roster of a pool: what operators changed of its backends, as the store has it. */
export interface RosterRecord {
  /** One more with every change; from 1. */
  readonly version: number
  /** Tells two of one version apart: a store may lose the last change, and get another one. */
  readonly id: string
  readonly overlay: PoolOverlay
  /** The balancer where it was made. */
  readonly by: string
  /** Who made it there; empty: it is not known. */
  readonly actor: string
  /** When, in milliseconds since the epoch, by the clock of the store. */
  readonly at: number
}

/** What the store has under the key of a roster. */
export interface FoundRoster {
  /** What it is called there, which a change must find there yet. */
  readonly stamp: string
  /** Undefined: there is none, or it cannot be read. */
  readonly record: RosterRecord | undefined
  /** Why it cannot be read. */
  readonly fault: string | undefined
}

export function stampOf({ version, id }: Pick<RosterRecord, 'version' | 'id'>): string {
  return `${version} ${id}`
}

/** Reads what HGETALL answers. Whatever is not as this version writes it makes all of it unreadable. */
export function readRoster(answer: unknown): FoundRoster {
  const fields = fieldsOf(answer)
  const stamp = `${fields.get('version') ?? ''} ${fields.get('id') ?? ''}`
  if (fields.size === 0) return { stamp, record: undefined, fault: undefined }
  try {
    return { stamp, record: recordOf(fields), fault: undefined }
  } catch (error) {
    return { stamp, record: undefined, fault: (error as Error).message }
  }
}

/** The text of an overlay in the store; undefined: it is too long. */
export function overlayText(overlay: PoolOverlay): string | undefined {
  const text = JSON.stringify(overlay)
  return text.length > MOST_CHARACTERS ? undefined : text
}

export function cutName(name: string): string {
  return name.slice(0, LONGEST_NAME)
}

export function cutWhat(what: string): string {
  return what.slice(0, LONGEST_WHAT)
}

function recordOf(fields: ReadonlyMap<string, string>): RosterRecord {
  const version = numberOf(fields, 'version')
  if (version === 0) throw new Error('its version is 0')
  const text = fields.get('overlay') ?? ''
  if (text.length > MOST_CHARACTERS) throw new Error(`it has more than ${MOST_CHARACTERS} characters`)
  const overlay = poolOverlayOf(JSON.parse(text))
  const changes = Object.keys(overlay.changed).length
  if (changes > LIMITS.backends) throw new Error(`it changes ${changes} backends, and a pool holds ${LIMITS.backends}`)
  const [by = '', actor = ''] = [fields.get('by'), fields.get('actor')].map(name => cutName(name ?? ''))
  return { version, id: fields.get('id') ?? '', overlay, by, actor, at: numberOf(fields, 'at') }
}

function numberOf(fields: ReadonlyMap<string, string>, name: string): number {
  const text = fields.get(name) ?? ''
  const number = /^\d{1,15}$/.test(text) ? Number(text) : undefined
  if (number === undefined) throw new Error(`its ${name} is no number`)
  return number
}

/** Fields and values that follow each other, as RESP 2 has them. */
export function fieldsOf(answer: unknown): Map<string, string> {
  const all = Array.isArray(answer) ? answer : []
  const pairs = Array.from({ length: Math.floor(all.length / 2) }, (_, at): [string, string] => [
    String(all[2 * at]),
    String(all[2 * at + 1]),
  ])
  return new Map(pairs)
}
