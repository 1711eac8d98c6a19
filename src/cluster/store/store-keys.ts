const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * What keys are called in the store. What is between braces says in which slot of a Redis Cluster a key is, so that an
 * exception and the stream that tells of it are always together.
 */
export class StoreKeys {
  readonly #prefix: string
  readonly #name: string
  readonly shards: number

  /** @param shards - {@link StoreLink.shards} */
  constructor({ prefix, name }: { prefix: string; name: string }, shards: number) {
    this.#prefix = prefix
    this.#name = name
    this.shards = shards
  }

  /** Where a sealed key belongs: its first character is as random as a cipher makes it. */
  shardOf(sealed: string): number {
    return Math.max(0, ALPHABET.indexOf(sealed.charAt(0))) % this.shards
  }

  /** Of an exception. */
  pin(pool: string, sealed: string): string {
    return `${this.#at(this.shardOf(sealed))}:pin:${pool}:${sealed}`
  }

  /** Pool and sealed key of one that {@link StoreKeys.pins} found. */
  readPin(key: string): { pool: string; sealed: string } | undefined {
    const [, rest = ''] = key.split('}:pin:', 2)
    const end = rest.lastIndexOf(':')
    return end <= 0 ? undefined : { pool: rest.slice(0, end), sealed: rest.slice(end + 1) }
  }

  /** A pattern of SCAN for all exceptions. */
  get pins(): string {
    return `${this.#prefix}:{${this.#name}:*}:pin:*`
  }

  /** The stream of what changed in a shard. */
  changes(shard: number): string {
    return `${this.#at(shard)}:changes`
  }

  /** What is another one after a shard was emptied. */
  incarnation(shard: number): string {
    return `${this.#at(shard)}:incarnation`
  }

  /** Who is there, in the first shard. */
  get members(): string {
    return `${this.#at(0)}:members`
  }

  /** What each member agrees with others on. */
  get details(): string {
    return `${this.#at(0)}:details`
  }

  /** What operators changed of a pool, where that is shared. */
  roster(pool: string): string {
    return `${this.#at(0)}:roster:${pool}`
  }

  /** The stream of who changed that, and when. */
  audit(pool: string): string {
    return `${this.#at(0)}:audit:${pool}`
  }

  /** Which changes of which pools are announced, in the first shard. */
  get announced(): string {
    return `${this.#at(0)}:announced`
  }

  /** The backends of one that is announced. */
  announcement(pool: string, id: string): string {
    return `${this.#at(0)}:announcement:${pool}:${id}`
  }

  /** Who has said done to those of a pool. */
  announcedDone(pool: string): string {
    return `${this.#at(0)}:done:${pool}`
  }

  /** What each member has on each backend. */
  get loads(): string {
    return `${this.#at(0)}:loads`
  }

  #at(shard: number): string {
    return `${this.#prefix}:{${this.#name}:${shard}}`
  }
}
