import type { StoreLink } from './link.ts'
import type { SharedPin } from './pool-exceptions.ts'
import type { Operation, PoolSharing } from './pool-sharing.ts'
import { END, INCARNATION, PUT, PUT_MANY, READ, runScript, STREAM_ENTRIES } from './scripts.ts'
import type { StoreKeys } from './store-keys.ts'
import type { Traffic } from './traffic.ts'

/** What one turn tells the store at most, and reads of it. */
const MOST_OPERATIONS = 1000
const MOST_READ = 1000
/** Keys that one script reads. */
const READ_AT_ONCE = 200
/** Exceptions that one script writes: a millisecond or two of the store. */
const WRITTEN_AT_ONCE = 100

/** Who shares, and with whom. */
export interface ExchangeParts {
  link: StoreLink
  keys: StoreKeys
  /** What this balancer calls itself in the stream. */
  id: string
  pools: ReadonlyMap<string, PoolSharing>
  traffic: Traffic
}

/** What a turn has left. */
export interface Turned {
  /** There is more already, here or elsewhere. */
  hasMore: boolean
  /** Everything of others was read that there was. */
  hasRead: boolean
  /** The stream has forgotten some of it: {@link Exchange.snapshot} has it. */
  wasBehind: boolean
}

/** What comes to one pool. */
type Incoming = Map<string, SharedPin[]>

/** Exceptions on their way to a store and from it, over one connection. Every method rejects once that is lost. */
export class Exchange {
  readonly #parts: ExchangeParts
  /** The last entry that was read, by shard. */
  readonly #read: string[]
  readonly #incarnations: (string | undefined)[]

  constructor(parts: ExchangeParts) {
    this.#parts = parts
    this.#read = Array.from({ length: parts.keys.shards }, () => '0-0')
    this.#incarnations = this.#read.map(() => undefined)
  }

  /** Reads all exceptions that there are; from then on {@link Exchange.turn} reads what is new. */
  async snapshot(): Promise<void> {
    const { link, keys } = this.#parts
    // First: what comes during the snapshot is read again.
    await Promise.all(this.#read.map(async (_, shard) => await this.#findEnd(shard)))
    for await (const found of link.scan(keys.pins)) await this.#readPins(found)
  }

  /**
   * Tells what is new here, and takes over what is new elsewhere.
   *
   * @param turnMs - about how long it is from turn to turn
   * @throws what became of the connection
   */
  async turn(turnMs: number): Promise<Turned> {
    const operations = this.#collect(turnMs)
    const told = this.#tell(operations)
    const incoming: Incoming = new Map()
    const read = await Promise.all(this.#read.map(async (_, shard) => await this.#readChanges(shard, incoming)))
    await told
    this.#adopt(incoming)
    const hasRead = read.every(({ count }) => count < MOST_READ)
    const hasMore = operations.length >= MOST_OPERATIONS || !hasRead
    return { hasMore, hasRead, wasBehind: read.some(({ wasBehind }) => wasBehind) }
  }

  /** Whether a part of the store has lost everything since the last time. */
  async wasEmptied(random: string): Promise<boolean> {
    const { link, keys } = this.#parts
    const now = await Promise.all(
      this.#incarnations.map(async (_, shard) =>
        String(await runScript(link, INCARNATION, [keys.incarnation(shard)], [random])),
      ),
    )
    const wasEmptied = now.some((name, shard) => ![undefined, name].includes(this.#incarnations[shard]))
    for (const [shard, name] of now.entries()) this.#incarnations[shard] = name
    return wasEmptied
  }

  async #findEnd(shard: number): Promise<void> {
    const stream = this.#parts.keys.changes(shard)
    const last = (await this.#parts.link.call(stream, ['XREVRANGE', stream, '+', '-', 'COUNT', '1'])) as [string][]
    this.#read[shard] = last[0]?.[0] ?? '0-0'
  }

  async #readPins(found: readonly string[]): Promise<void> {
    const { link, keys } = this.#parts
    const byShard = groupBy(
      found.flatMap(key => {
        const pin = keys.readPin(key)
        return pin === undefined ? [] : [{ key, ...pin }]
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
          if (backend !== null && ttlMs > 0) add(incoming, pool, { key: sealed, backend, ttlMs })
        }
      }),
    )
    this.#adopt(incoming)
  }

  /** Each pool its share first, then whoever has more. */
  #collect(turnMs: number): Operation[] {
    const { pools } = this.#parts
    const share = Math.max(1, Math.floor(MOST_OPERATIONS / Math.max(1, pools.size)))
    const all: Operation[] = []
    for (const sharing of pools.values()) {
      const room = Math.min(share, MOST_OPERATIONS - all.length)
      if (room > 0) all.push(...sharing.take(room, turnMs))
    }
    return all
  }

  /** What could not be told is told again by whoever connects anew. */
  async #tell(operations: readonly Operation[]): Promise<void> {
    const incoming: Incoming = new Map()
    const lost: Operation[] = []
    await Promise.all(
      operations.map(async operation => {
        try {
          const winner = await this.#send(operation)
          if (winner !== undefined) add(incoming, operation.pool, winner)
        } catch (error) {
          if (!this.#parts.link.isOpen) lost.push(operation)
          else this.#refused(operation, error as Error)
        }
      }),
    )
    for (const [pool, given] of groupBy(lost, ({ pool }) => pool)) this.#parts.pools.get(pool)?.giveBack(given)
    this.#adopt(incoming)
  }

  /** Tells of pins of a pool, each of another key, that are about to be exceptions and were none. */
  async publish(pool: string, pins: readonly SharedPin[]): Promise<void> {
    const { link, keys, traffic } = this.#parts
    const byShard = groupBy(pins, ({ key }) => keys.shardOf(key))
    const batches = [...byShard.values()].flatMap(all => partsOf(all, WRITTEN_AT_ONCE))
    await Promise.all(
      batches.map(async batch => {
        try {
          this.#adopt(new Map([[pool, await this.#write(pool, batch)]]))
        } catch (error) {
          if (!link.isOpen) throw error
          traffic.refuse(error as Error)
          this.#parts.pools.get(pool)?.wantLater('roster')
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
    const answers = (await runScript(link, PUT_MANY, names, [id, pool, STREAM_ENTRIES, ...values])) as [
      string,
      number,
    ][]
    traffic.published += pins.length
    traffic.refusal = undefined
    const winners = pins.flatMap(({ key, backend }, at) => {
      const [held, left] = answers[at] ?? [backend, 0]
      return held === backend ? [] : [{ key, backend: held, ttlMs: left }]
    })
    traffic.lostRaces += winners.length
    return winners
  }

  /** The pin that was there first, where it is another one. */
  async #send(operation: Operation): Promise<SharedPin | undefined> {
    const { link, keys, id, traffic } = this.#parts
    const { pool, key, backend } = operation
    const shard = keys.shardOf(key)
    const names = [keys.pin(pool, key), keys.changes(shard)]
    if (operation.kind === 'end') {
      await runScript(link, END, names, [id, backend, pool, key, STREAM_ENTRIES])
      traffic.ended++
      return undefined
    }
    const { ttlMs, before } = operation
    const values = [id, backend, wholeMs(ttlMs), before, pool, key, STREAM_ENTRIES]
    const [held, left] = (await runScript(link, PUT, names, values)) as [string, number]
    traffic.published++
    traffic.refusal = undefined
    if (held === backend) return undefined
    traffic.lostRaces++
    return { key, backend: held, ttlMs: left }
  }

  #refused({ pool }: Operation, error: Error): void {
    this.#parts.traffic.refuse(error)
    // The table still has it: once more when the store takes something again.
    this.#parts.pools.get(pool)?.wantLater('roster')
  }

  async #readChanges(shard: number, incoming: Incoming): Promise<{ count: number; wasBehind: boolean }> {
    const { link, keys, id } = this.#parts
    const stream = keys.changes(shard)
    const from = this.#read[shard] ?? '0-0'
    const answer = await link.call(stream, ['XREAD', 'COUNT', String(MOST_READ), 'STREAMS', stream, from])
    const [found] = (answer ?? []) as [string, [string, string[]][]][]
    const entries = found?.[1] ?? []
    for (const [entry, fields] of entries) {
      this.#read[shard] = entry
      const [, by, , pool, , key, , backend, , ttlMs] = fields
      if (by === id || pool === undefined || key === undefined || backend === undefined) continue
      add(incoming, pool, { key, backend, ttlMs: Number(ttlMs) })
    }
    const mayBeBehind = entries.length >= MOST_READ && from !== '0-0'
    return { count: entries.length, wasBehind: mayBeBehind && (await this.#isForgotten(stream, from)) }
  }

  /** Whether the stream has forgotten an entry, and so perhaps some of those behind it. */
  async #isForgotten(stream: string, entry: string): Promise<boolean> {
    const first = (await this.#parts.link.call(stream, ['XRANGE', stream, '-', '+', 'COUNT', '1'])) as [string][]
    return first[0] !== undefined && isLater(first[0][0], entry)
  }

  #adopt(incoming: Incoming): void {
    for (const [pool, pins] of incoming) {
      const counts = this.#parts.pools.get(pool)?.adopt(pins)
      this.#parts.traffic.adopt(counts ?? { unknown: pins.length })
    }
  }
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

/** Of entries of a stream: milliseconds, and a number among those. */
function isLater(entry: string, other: string): boolean {
  const [[ms, number], [otherMs, otherNumber]] = [entry, other].map(id => id.split('-').map(Number)) as [
    [number, number],
    [number, number],
  ]
  return ms === otherMs ? number > otherNumber : ms > otherMs
}
