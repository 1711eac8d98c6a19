import { randomBytes } from 'node:crypto'
import type { StoreLink } from '../store/link.ts'
import { END, INCARNATION, PUT, PUT_MANY, READ, runScript, STREAM_ENTRIES } from '../store/scripts.ts'
import type { StoreKeys } from '../store/store-keys.ts'
import type { SharedPin } from './pool-exceptions.ts'
import type { Operation, PoolSharing } from './pool-sharing.ts'
import type { Traffic } from './traffic.ts'

/** What one turn tells the store at most, and reads of it. */
const MOST_OPERATIONS = 1000
const MOST_READ = 1000
/** Keys that one script reads. */
const READ_AT_ONCE = 200
/** From the end of one snapshot to the next, at least: what is missing may be missing again and again. */
const SNAPSHOT_EVERY_MS = 2000
/** Exceptions that one script writes: a millisecond or two of the store. */
const WRITTEN_AT_ONCE = 100
/** Before everything. */
const FIRST = '0-0'
/** No time to live is longer; what a store says may be anything. */
const LONGEST_MS = 2 ** 40

/** Who shares, and with whom. */
export interface ExchangeParts {
  link: StoreLink
  keys: StoreKeys
  /** What this balancer calls itself in the stream. */
  id: string
  pools: ReadonlyMap<string, PoolSharing>
  traffic: Traffic
  /** What the store was called when it was seen last, by shard; outlives the connection. */
  incarnations: string[]
}

/** What comes to pools, in the order in which it happened. */
type Incoming = Map<string, SharedPin[]>

/** Exceptions on their way to a store and from it, over one connection. Every method rejects once that is lost. */
export class Exchange {
  readonly #parts: ExchangeParts
  /** The last entry that was read, by shard. */
  readonly #read: string[]
  #isBehind = false
  #snapshotAt = 0
  #hasRead = false
  #turns = 0

  constructor(parts: ExchangeParts) {
    this.#parts = parts
    this.#read = Array.from({ length: parts.keys.shards }, () => FIRST)
  }

  /** Whether the last turn has read everything of others that there was. */
  get hasRead(): boolean {
    return this.#hasRead
  }

  /** Reads all exceptions that there are; from then on {@link Exchange.turn} reads what is new. */
  async snapshot(): Promise<void> {
    const { link, keys } = this.#parts
    this.#isBehind = false
    // First: what comes during the snapshot is read again.
    await Promise.all(this.#read.map(async (_, shard) => await this.#findEnd(shard)))
    for await (const found of link.scan(keys.pins)) await this.#readPins(found)
  }

  /** One of the next turns begins with a snapshot: not everything that was read could be used. */
  missed(): void {
    this.#isBehind = true
  }

  /**
   * Tells what is new here, and takes over what is new elsewhere.
   *
   * @param turnMs - about how long it is from turn to turn
   * @returns whether there is more already
   */
  async turn(turnMs: number): Promise<boolean> {
    if (this.#isBehind && performance.now() >= this.#snapshotAt) {
      await this.snapshot()
      // A store that evicts its streams would have one turn after the other begin so.
      this.#snapshotAt = performance.now() + SNAPSHOT_EVERY_MS
    }
    const operations = this.#collect(turnMs)
    const told = this.tell(operations)
    const incoming: Incoming = new Map()
    const reads = Promise.all(this.#read.map(async (_, shard) => await this.#readChanges(shard, incoming)))
    // What was told has to be known before anything is thrown.
    await Promise.allSettled([told, reads])
    const counts = await reads
    this.#adopt(incoming)
    const isUrgent = [...this.#parts.pools.values()].some(sharing => sharing.isUrgent)
    const isThere = counts.every(count => count < MOST_READ)
    this.#hasRead = isThere && !this.#isBehind
    return isUrgent || operations.length >= MOST_OPERATIONS || !isThere
  }

  /** Tells what clients did, all of it, and reads nothing. */
  async tellRest(): Promise<void> {
    for (;;) {
      const operations = this.#collect()
      await this.tell(operations)
      if (operations.length === 0 || !this.#parts.link.isOpen) return
    }
  }

  /** Whether a part of the store has lost everything since it was seen last, on whichever connection. */
  async wasEmptied(): Promise<boolean> {
    const { link, keys, incarnations } = this.#parts
    // Another one each time: whoever named the store before may be the first to do so again.
    const random = randomBytes(8).toString('hex')
    const now = await Promise.all(
      this.#read.map(async (_, shard) =>
        String(await runScript(link, INCARNATION, [keys.incarnation(shard)], [random])),
      ),
    )
    let wasEmptied = false
    for (const [shard, name] of now.entries()) {
      if (![undefined, '', name].includes(incarnations[shard]) && name !== '') {
        wasEmptied = true
        // A stream that begins again may begin below where the other one was.
        this.#read[shard] = FIRST
      }
      if (name !== '') incarnations[shard] = name
    }
    return wasEmptied
  }

  async #findEnd(shard: number): Promise<void> {
    const stream = this.#parts.keys.changes(shard)
    const last = (await this.#parts.link.call(stream, ['XREVRANGE', stream, '+', '-', 'COUNT', '1'])) as [string][]
    this.#read[shard] = last[0]?.[0] ?? FIRST
  }

  async #readPins(found: readonly string[]): Promise<void> {
    const { link, keys } = this.#parts
    const byShard = groupBy(
      found.flatMap(key => {
        const pin = keys.readPin(key)
        // Whatever else looks like one may be of another cluster, or in another slot.
        return pin === undefined || keys.pin(pin.pool, pin.sealed) !== key ? [] : [{ key, ...pin }]
      }),
      ({ sealed }) => keys.shardOf(sealed),
    )
    const incoming: Incoming = new Map()
    const batches = [...byShard.values()].flatMap(all => partsOf(all, READ_AT_ONCE))
    await Promise.all(
      batches.map(async batch => {
        const answers = (await runScript(
          link,
          READ,
          batch.map(({ key }) => key),
          [],
        )) as [string | null, number][]
        for (const [at, { pool, sealed }] of batch.entries()) {
          const [backend, ttlMs] = answers[at] ?? [null, 0]
          if (backend !== null && ttlMs > 0) add(incoming, pool, { key: sealed, backend, ttlMs: lasting(ttlMs) })
        }
      }),
    )
    this.#adopt(incoming)
  }

  /** Each pool its share first, then whoever has more; who is first goes round. */
  #collect(turnMs?: number): Operation[] {
    const pools = [...this.#parts.pools.values()]
    const first = this.#turns++ % Math.max(1, pools.length)
    const inTurn = [...pools.slice(first), ...pools.slice(0, first)]
    const share = Math.max(1, Math.floor(MOST_OPERATIONS / Math.max(1, pools.length)))
    const all: Operation[] = []
    for (const most of [share, MOST_OPERATIONS]) {
      for (const sharing of inTurn) {
        const room = Math.min(most, MOST_OPERATIONS - all.length)
        if (room > 0) all.push(...sharing.take(room, turnMs))
      }
    }
    return all
  }

  /** What could not be told is told again by whoever connects anew. Never rejects. */
  async tell(operations: readonly Operation[]): Promise<void> {
    const winners: Incoming = new Map()
    const lost: Operation[] = []
    /** Of one key one after the other: a script that the server does not know yet comes later than one that it does. */
    const before = new Map<string, Promise<void>>()
    const tellOne = async (operation: Operation): Promise<void> => {
      try {
        const winner = await this.#send(operation)
        if (winner !== undefined) add(winners, operation.pool, winner)
      } catch (error) {
        if (!this.#parts.link.isOpen) lost.push(operation)
        else this.#refused(operation, error as Error)
      }
    }
    await Promise.all(
      operations.map(async operation => {
        const key = `${operation.pool} ${operation.key}`
        const told = before.get(key)?.then(() => tellOne(operation)) ?? tellOne(operation)
        before.set(key, told)
        await told
      }),
    )
    for (const [pool, given] of groupBy(lost, ({ pool }) => pool)) this.#parts.pools.get(pool)?.giveBack(given)
    for (const [pool, pins] of winners) this.#parts.traffic.adopt(this.#parts.pools.get(pool)?.follow(pins) ?? {})
  }

  /** Tells of pins of a pool, each of another key, that are about to be exceptions and were none. */
  async publish(pool: string, pins: readonly SharedPin[]): Promise<void> {
    const { link, keys, pools, traffic } = this.#parts
    const byShard = groupBy(pins, ({ key }) => keys.shardOf(key))
    const batches = [...byShard.values()].flatMap(all => partsOf(all, WRITTEN_AT_ONCE))
    await Promise.all(
      batches.map(async batch => {
        try {
          const winners = await this.#write(pool, batch)
          const sharing = pools.get(pool)
          traffic.adopt(sharing?.follow(winners) ?? {})
          // One that leads to a backend that is gone leads nowhere.
          const gone = new Set(winners.filter(({ backend }) => sharing?.knows(backend) === false).map(({ key }) => key))
          const again = batch.filter(({ key }) => gone.has(key))
          await this.tell(again.map(pin => ({ kind: 'put', pool, before: '', ...pin })))
        } catch (error) {
          if (!link.isOpen) throw error
          traffic.refuse('put', error as Error)
          pools.get(pool)?.refused()
        }
      }),
    )
  }

  /** Pins of one shard; those that were there first, where they are others. */
  async #write(pool: string, pins: readonly SharedPin[]): Promise<SharedPin[]> {
    const { link, keys, id, traffic } = this.#parts
    const stream = keys.changes(keys.shardOf(pins[0]?.key ?? ''))
    const names = [stream, ...pins.map(({ key }) => keys.pin(pool, key))]
    const values = pins.flatMap(({ key, backend, ttlMs }) => [backend, wholeMs(ttlMs), key])
    const answers = await runScript(link, PUT_MANY, names, [id, pool, STREAM_ENTRIES, ...values])
    traffic.published += pins.length
    traffic.took('put')
    const winners = pins.flatMap(({ key, backend }, at) => {
      const [held, left] = (answers as [string, number][])[at] ?? [backend, 0]
      return held === backend ? [] : [{ key, backend: held, ttlMs: lasting(left) }]
    })
    traffic.lostRaces += winners.length
    return winners
  }

  /** The pin that was there first, where it is another one. */
  async #send(operation: Operation): Promise<SharedPin | undefined> {
    const { link, keys, id, traffic } = this.#parts
    const { pool, key, backend, kind } = operation
    const shard = keys.shardOf(key)
    const names = [keys.pin(pool, key), keys.changes(shard)]
    if (kind === 'end') {
      await runScript(link, END, names, [id, backend, pool, key, STREAM_ENTRIES])
      traffic.ended++
      traffic.took(kind)
      return undefined
    }
    const put = async (before: string): Promise<[string, number]> => {
      const values = [id, backend, wholeMs(operation.ttlMs), before, pool, key, STREAM_ENTRIES]
      return (await runScript(link, PUT, names, values)) as [string, number]
    }
    let [held, left] = await put(operation.before)
    // One that leads to a backend that is gone leads nowhere.
    if (held !== backend && this.#parts.pools.get(pool)?.knows(held) === false) [held, left] = await put(held)
    traffic.published++
    traffic.took(kind)
    if (held === backend) return undefined
    traffic.lostRaces++
    return { key, backend: held, ttlMs: lasting(left) }
  }

  #refused({ pool, kind }: Operation, error: Error): void {
    this.#parts.traffic.refuse(kind, error)
    // The table still has it: once more when the store takes something again.
    this.#parts.pools.get(pool)?.refused()
  }

  async #readChanges(shard: number, incoming: Incoming): Promise<number> {
    const { link, keys, id } = this.#parts
    const stream = keys.changes(shard)
    const from = this.#read[shard] ?? FIRST
    const answer = await link.call(stream, ['XREAD', 'COUNT', String(MOST_READ), 'STREAMS', stream, from])
    const [found] = (answer ?? []) as [string, [string, string[]][]][]
    const entries = found?.[1] ?? []
    this.#read[shard] = entries.at(-1)?.[0] ?? from
    /** What this balancer has told later is right, and is here already. */
    const own = new Set<string>()
    const others: (SharedPin & { pool: string })[] = []
    for (const [, fields] of entries.toReversed()) {
      const [, by, , pool, , key, , backend, , ttlMs] = fields
      if (pool === undefined || key === undefined || backend === undefined) continue
      if (by === id) own.add(`${pool} ${key}`)
      else if (!own.has(`${pool} ${key}`)) others.push({ pool, key, backend, ttlMs: lasting(Number(ttlMs)) })
    }
    for (const { pool, ...pin } of others.reverse()) add(incoming, pool, pin)
    if (entries.length > 0 && (await this.#wasTrimmed(stream, from))) this.#isBehind = true
    return entries.length
  }

  /** Whether what came after an entry may be gone. */
  async #wasTrimmed(stream: string, from: string): Promise<boolean> {
    const { link } = this.#parts
    if (from === FIRST) return Number(await link.call(stream, ['XLEN', stream])) >= STREAM_ENTRIES
    const [first] = (await link.call(stream, ['XRANGE', stream, '-', '+', 'COUNT', '1'])) as [string][]
    return first !== undefined && isLater(first[0], from)
  }

  #adopt(incoming: Incoming): void {
    for (const [pool, pins] of incoming) {
      const counts = this.#parts.pools.get(pool)?.adopt(pins)
      this.#parts.traffic.adopt(counts ?? { unknown: pins.length })
    }
  }
}

/** A time to live as a store has it; 0 where it is none. */
function lasting(ttlMs: number): number {
  return ttlMs > 0 ? Math.min(ttlMs, LONGEST_MS) : 0
}

/** Whether an entry of a stream comes after another one. */
function isLater(one: string, other: string): boolean {
  const [ms = 0n, at = 0n] = one.split('-').map(BigInt)
  const [otherMs = 0n, otherAt = 0n] = other.split('-').map(BigInt)
  return ms === otherMs ? at > otherAt : ms > otherMs
}

function add(incoming: Incoming, pool: string, pin: SharedPin): void {
  const pins = incoming.get(pool)
  if (pins === undefined) incoming.set(pool, [pin])
  else pins.push(pin)
}

function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms))
}

function partsOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size))
}

function groupBy<Key, Item>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}
