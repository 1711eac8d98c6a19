import { hostname } from 'node:os'
import type { PoolCore } from '../../pool/core.ts'
import { parsed } from '../json.ts'
import { type RosterVersions, readVersions, rosterDifferences } from '../rosters/differences.ts'
import type { StoreLink } from '../store/link.ts'
import { BEAT, runScript } from '../store/scripts.ts'
import type { StoreKeys } from '../store/store-keys.ts'
import { type Agreement, agreementDigest, agreementOf, differences } from './agreement.ts'

/** How often a member says that it lives. */
export const BEAT_MS = 1000
/** Who has said nothing for so long counts for nothing. */
export const LIVE_MS = 5000
/** Who has said nothing for so long is not listed any more. */
const FORGET_MS = 60_000
/** Bytes of what a member says with every beat; with versions of two thousand rosters it is less. */
const LONGEST_WORD = 64 * 1024
/** A member that says more of its pools is none of ours. */
const LONGEST_DETAILS = 1_000_000

/** A balancer of a cluster. Plain data. */
export interface MemberStatus {
  /** Its host and its process. */
  name: string
  /** Milliseconds since it said that it lives, by the clock of the store. */
  ageMs: number
  /** Whether that was less than five seconds ago. */
  isLive: boolean
  version: string
  /** Digest of all its pools: those of equal digests give equal homes. */
  digest: string
  /** In what its pools are other ones than those here, a sentence each; empty: in nothing. */
  differences: string[]
}

/** What a member says of itself. */
interface Said {
  name: string
  version: string
  digest: string
  rosters?: RosterVersions
}

/** What this process is called by other balancers. */
export function memberName(): string {
  return `${hostname()}/${process.pid}`
}

/** Who is in the cluster, and whether all agree. */
export class Members {
  readonly #cores: ReadonlyMap<string, PoolCore>
  readonly #said: Omit<Said, 'digest'>
  readonly #rosters: () => RosterVersions
  readonly id: string
  /** What others agree on, by the digest of that. */
  #agreements = new Map<string, Agreement>()
  #told: string | undefined
  /** When it was said last that this one lives, by the monotonic clock. */
  #saidAt = 0
  #others: MemberStatus[] = []
  /** Names of the others that live, by id. */
  #liveNames = new Map<string, string>()

  /** @param id - of this balancer */
  constructor(
    cores: ReadonlyMap<string, PoolCore>,
    id: string,
    version: string,
    rosters: () => RosterVersions = () => undefined,
  ) {
    this.#cores = cores
    this.id = id
    this.#said = { name: memberName(), version }
    this.#rosters = rosters
  }

  /** This balancer's. */
  get name(): string {
    return this.#said.name
  }

  /** As they were told last. */
  get others(): readonly MemberStatus[] {
    return this.#others
  }

  /** Those that live, as they were told last. */
  get live(): number {
    return this.#others.filter(({ isLive }) => isLive).length
  }

  /** Their ids, and this one's. */
  get liveIds(): readonly string[] {
    return [this.id, ...this.#liveNames.keys()]
  }

  namesOf(ids: readonly string[]): string[] {
    return ids.map(id => (id === this.id ? this.name : (this.#liveNames.get(id) ?? id)))
  }

  /** A store that has forgotten everything has to be told everything again. */
  forgotten(): void {
    this.#told = undefined
  }

  /** Nobody is known any more to live. */
  lost(): void {
    this.#others = this.#others.map(member => ({ ...member, isLive: false }))
    this.#liveNames.clear()
  }

  /** Says that this balancer lives, and hears who else does. */
  async beat(link: StoreLink, keys: StoreKeys): Promise<void> {
    const here = agreementOf(this.#cores.values())
    const digest = agreementDigest(here)
    // Who was silent for so long has been forgotten.
    if (this.#told !== digest || performance.now() - this.#saidAt > FORGET_MS / 2) await this.#tell(link, keys, here)
    this.#told = digest
    const rosters = this.#rosters()
    const said: Said = { ...this.#said, digest, ...(rosters === undefined ? {} : { rosters }) }
    const values = [this.id, JSON.stringify(said), FORGET_MS, LONGEST_WORD]
    const all = (await runScript(link, BEAT, [keys.members, keys.details], values)) as Beat[]
    this.#saidAt = performance.now()
    const others = all.filter(([id]) => id !== this.id).flatMap(([id, age, text]) => readMember(id, age, text))
    this.#liveNames = new Map(others.filter(({ ageMs }) => ageMs < LIVE_MS).map(({ id, name }) => [id, name]))
    await this.#learn(link, keys, others, digest)
    this.#others = others.map(({ id: _, rosters: there, ...member }) => ({
      ...member,
      isLive: member.ageMs < LIVE_MS,
      differences: [
        ...(member.digest === digest ? [] : this.#differences(here, member.digest)),
        ...rosterDifferences(rosters, there),
      ],
    }))
  }

  /** Says that this balancer is gone. */
  async leave(link: StoreLink, keys: StoreKeys): Promise<void> {
    await Promise.all([keys.members, keys.details, keys.loads].map(key => link.call(key, ['HDEL', key, this.id])))
  }

  async #tell(link: StoreLink, keys: StoreKeys, here: Agreement): Promise<void> {
    await link.call(keys.details, ['HSET', keys.details, this.id, JSON.stringify(here)])
  }

  #differences(here: Agreement, digest: string): string[] {
    const there = this.#agreements.get(digest)
    return there === undefined ? ['it is not known yet in what'] : differences(here, there)
  }

  /** Asks what others agree on, once for each digest. */
  async #learn(link: StoreLink, keys: StoreKeys, others: readonly Known[], digest: string): Promise<void> {
    const wanted = new Map(others.filter(other => other.digest !== digest).map(other => [other.digest, other.id]))
    const known = new Map([...this.#agreements].filter(([digest]) => wanted.has(digest)))
    await Promise.all(
      [...wanted].map(async ([digest, id]) => {
        if (known.has(digest)) return
        const agreement = readAgreement(await link.call(keys.details, ['HGET', keys.details, id]))
        // It may have become another one meanwhile.
        if (agreement !== undefined && agreementDigest(agreement) === digest) known.set(digest, agreement)
      }),
    )
    this.#agreements = known
  }
}

type Beat = [id: string, ageMs: number, said: string]
type Known = Said & { id: string; ageMs: number }

/** Nothing: whoever wrote that is no balancer. */
function readMember(id: string, ageMs: number, text: string): Known[] {
  const { name, version, digest, rosters } = (parsed(text) ?? {}) as Partial<Said>
  if ([name, version, digest].some(part => typeof part !== 'string')) return []
  const said = { name: String(name), version: String(version), digest: String(digest), rosters: readVersions(rosters) }
  return [{ id, ageMs, ...said }]
}

function readAgreement(text: unknown): Agreement | undefined {
  if (typeof text !== 'string' || text.length > LONGEST_DETAILS) return undefined
  const read = parsed(text)
  if (typeof read !== 'object' || read === null) return undefined
  const isOne = Object.values(read).every(
    pool =>
      typeof pool === 'object' &&
      pool !== null &&
      typeof pool.digest === 'string' &&
      (pool.backends === undefined || (Array.isArray(pool.backends) && pool.backends.every(Array.isArray))),
  )
  return isOne ? (read as Agreement) : undefined
}
