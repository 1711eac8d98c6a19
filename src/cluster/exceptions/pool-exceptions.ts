import type { NativeExceptions } from '../../native/exceptions.ts'
import { ADOPTED } from '../../native.ts'
import type { PoolCore } from '../../pool/core.ts'
import { identityOf, placeIn } from '../../pool/indexes.ts'
import type { OtherHomes } from '../switches/other-homes.ts'
import { KEY_BYTES, SealedKeys } from './sealed-keys.ts'

/** What has become of a pin that balancers share. */
export type Exception =
  /** It leads to a backend that is not the key's home; `before`: where it led, where that is known and another one. */
  | { key: string; kind: 'made'; backend: string; before: string | undefined }
  /** It led there, and does not any more. */
  | { key: string; kind: 'ended'; backend: string }

/** A pin that balancers share, and for how many milliseconds it holds; 0: it has ended. */
export interface SharedPin {
  key: string
  backend: string
  ttlMs: number
}

/** Which exceptions are listed. */
export interface ListedExceptions {
  /** Used within so many milliseconds, or by sessions that live. */
  idleMs: number
  /** Those of other balancers, too, that nobody uses here. */
  withAdopted: boolean
}

/** What became of pins of others; `unknown`: their backend or their key is none of this pool. */
export type AdoptedCounts = Record<(typeof ADOPTED)[number], number>

const EVENT = 3
const PIN = 2
const ENDED = 1

/** The exceptions of a pool as they leave it, and as they come in: keys sealed and as text, backends by their names. */
export class PoolExceptions {
  readonly #core: PoolCore
  readonly #sealed: SealedKeys

  /** @param most - how many wait to be taken before the oldest is lost */
  constructor(core: PoolCore, most: number) {
    this.#core = core
    this.#sealed = new SealedKeys(core.clusterSecret, core.keyDigest)
    core.native.shareExceptions(most)
  }

  /** How many wait to be taken, and how many were lost, ever, because newer ones came. */
  backlog(): { waiting: number; dropped: number } {
    const { waiting, dropped } = this.#core.native.takeExceptions(0)
    return { waiting, dropped }
  }

  /** What was made and has ended since the last time, the oldest first; what is said of backends that are gone is left out. */
  take(most: number): Exception[] {
    const { keys, events } = this.#core.native.takeExceptions(most)
    const texts = this.#texts(keys)
    const taken: Exception[] = []
    for (const [at, key] of texts.entries()) {
      const [kind, identity = -1, earlier = -1] = events.subarray(EVENT * at, EVENT * (at + 1))
      const backend = this.#nameOf(identity)
      if (backend === undefined) continue
      if (kind === ENDED) taken.push({ key, kind: 'ended', backend })
      else taken.push({ key, kind: 'made', backend, before: this.#nameOf(earlier) })
    }
    return taken
  }

  /** Exceptions by the membership of now, a part of the table at a time: from 0, or from `next` of the part before. */
  list(from: number, most: number, { idleMs, withAdopted }: ListedExceptions): { pins: SharedPin[]; next?: number } {
    return this.#listed(this.#core.native.listExceptions(from, most, idleMs, withAdopted))
  }

  /** The same of pins that are none now, and are by other homes: those of this balancer, to backends that are there, too. */
  listBecoming(from: number, most: number, homes: OtherHomes): { pins: SharedPin[]; next?: number } {
    const { placement } = homes
    const { pins, next } = this.#listed(
      this.#core.native.listBecoming(from, most, Number.MAX_SAFE_INTEGER, placement, homes.identities()),
    )
    return { pins: pins.filter(({ backend }) => homes.has(backend)), ...(next === undefined ? {} : { next }) }
  }

  #listed({ keys, pins, next }: NativeExceptions & { next: number }): { pins: SharedPin[]; next?: number } {
    const listed = this.#texts(keys).flatMap((key, at) => {
      const [identity = -1, ttlMs = 0] = pins.subarray(PIN * at, PIN * (at + 1))
      const backend = this.#nameOf(identity)
      return backend === undefined ? [] : [{ key, backend, ttlMs }]
    })
    return { pins: listed, ...(next < 0 ? {} : { next }) }
  }

  /**
   * Takes over what other balancers say of their pins. Sessions that live are not moved.
   *
   * @param options - `despiteSessions`: for the next connections of clients that have sessions elsewhere, too
   */
  adopt(pins: readonly SharedPin[], { despiteSessions = false } = {}): AdoptedCounts {
    const named = pins.flatMap(pin => {
      const place = this.#core.placeOf(pin.backend)
      const bytes = Buffer.from(pin.key, 'base64url')
      if (place === undefined || bytes.length !== KEY_BYTES) return []
      return [{ bytes, identity: identityOf(place), ttlMs: pin.ttlMs }]
    })
    const { keys, at } = this.#sealed.open(Buffer.concat(named.map(({ bytes }) => bytes)))
    const numbers = Float64Array.from(at.flatMap(one => [named[one]?.identity ?? 0, named[one]?.ttlMs ?? 0]))
    const counts = this.#core.native.adopt(keys, numbers, despiteSessions)
    const adopted = Object.fromEntries(ADOPTED.map((name, column) => [name, counts[column] ?? 0])) as AdoptedCounts
    adopted.unknown += pins.length - at.length
    return adopted
  }

  #texts(keys: Buffer): string[] {
    const sealed = this.#sealed.seal(keys)
    const count = sealed.length / KEY_BYTES
    return Array.from({ length: count }, (_, at) => sealed.toString('base64url', KEY_BYTES * at, KEY_BYTES * (at + 1)))
  }

  #nameOf(identity: number): string | undefined {
    if (identity < 0) return undefined
    const { index, generation } = placeIn(identity)
    return this.#core.backendNamed(index, generation)
  }
}
