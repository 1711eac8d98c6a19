import { randomBytes } from 'node:crypto'
import type { StoreLink } from '../store/link.ts'
import { runScript } from '../store/scripts.ts'
import type { StoreKeys } from '../store/store-keys.ts'
import { cutName, cutWhat, type FoundRoster, fieldsOf, type RosterRecord, readRoster } from './record.ts'
import { AUDIT_ENTRIES, ROSTER_SET, ROSTER_STAMPS } from './scripts.ts'
import type { RosterChangeEntry } from './status.ts'

/** A roster that is to be in the store. */
export interface NewRoster extends Omit<RosterRecord, 'id' | 'at'> {
  /** {@link overlayText} of its overlay. */
  readonly text: string
  /** What was changed, for people. */
  readonly what: string
  /** Given where it was in the store before. */
  readonly id?: string
  readonly at?: number
}

/** Shared rosters in an open store. Every method rejects with what the store answers, or what became of the connection. */
export class RosterStore {
  readonly #link: StoreLink
  readonly #keys: StoreKeys

  constructor(link: StoreLink, keys: StoreKeys) {
    this.#link = link
    this.#keys = keys
  }

  /** False: whatever was asked may have been done, or not. */
  get isOpen(): boolean {
    return this.#link.isOpen
  }

  /** What the rosters of these pools are called, in their order. */
  async stamps(pools: readonly string[]): Promise<string[]> {
    if (pools.length === 0) return []
    const keys = pools.map(pool => this.#keys.roster(pool))
    return ((await runScript(this.#link, ROSTER_STAMPS, keys, [])) as unknown[]).map(String)
  }

  async read(pool: string): Promise<FoundRoster> {
    const key = this.#keys.roster(pool)
    return readRoster(await this.#link.call(key, ['HGETALL', key]))
  }

  /** Puts one there in place of another; undefined: that is not there any more, and nothing was changed. */
  async set(pool: string, before: string, roster: NewRoster): Promise<RosterRecord | undefined> {
    const { version, overlay, by, actor, text, what, id = randomBytes(8).toString('hex'), at = '' } = roster
    const names = [this.#keys.roster(pool), this.#keys.audit(pool)]
    const values = [before, version, id, text, cutName(by), cutName(actor), cutWhat(what), at, AUDIT_ENTRIES]
    const done = await runScript(this.#link, ROSTER_SET, names, values)
    return done === null ? undefined : { version, id, overlay, by, actor, at: Number(done) }
  }

  /** The last changes, the latest first. What is none is left out. */
  async changes(pool: string, most: number): Promise<RosterChangeEntry[]> {
    const key = this.#keys.audit(pool)
    const answer = await this.#link.call(key, ['XREVRANGE', key, '+', '-', 'COUNT', String(most)])
    return (answer as [string, string[]][]).flatMap(([, fields]) => entryOf(fieldsOf(fields)))
  }
}

function entryOf(fields: ReadonlyMap<string, string>): RosterChangeEntry[] {
  const [version, at] = ['version', 'at'].map(name => Number(fields.get(name))) as [number, number]
  const { by, actor, what } = Object.fromEntries(fields)
  if (!Number.isSafeInteger(version) || !Number.isSafeInteger(at) || by === undefined || what === undefined) return []
  return [{ version, by, ...(actor ? { actor } : {}), at, what }]
}
