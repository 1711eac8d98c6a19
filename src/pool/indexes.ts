import type { BackendRecord } from './records.ts'

/** Whose index it is, and whose it was before: session records are read a moment after they were written. */
interface Owner {
  readonly backend: BackendRecord
  readonly generation: number
  readonly before: { readonly name: string; readonly generation: number } | undefined
}

/** Where the native pool has a backend: an index, and how often that was given to another one. */
export interface BackendPlace {
  index: number
  generation: number
}

const INDEXES = 2 ** 16

/** Both as one number, as native code has it. */
export function identityOf({ index, generation }: BackendPlace): number {
  return generation * INDEXES + index
}

export function placeIn(identity: number): BackendPlace {
  return { index: identity % INDEXES, generation: Math.floor(identity / INDEXES) }
}

/** Which backend has which index of the native pool. */
export class BackendIndexes {
  /** By the index that the native pool gave; a removed backend stays until its index is given anew. */
  readonly #owners: Owner[] = []
  readonly #indexes = new Map<string, number>()

  /** More than any index that was given. */
  get end(): number {
    return this.#owners.length
  }

  /** A backend has what the native pool answered when it was set. */
  give(identity: number, backend: BackendRecord): void {
    const { index, generation } = placeIn(identity)
    this.#owners[index] = { backend, generation, before: ownerBefore(this.#owners[index], generation) }
    this.#indexes.set(backend.name, index)
  }

  remove(name: string): void {
    this.#indexes.delete(name)
  }

  of(name: string): number | undefined {
    return this.#indexes.get(name)
  }

  /** Names and indexes of the backends that there are. */
  entries(): Iterable<[string, number]> {
    return this.#indexes
  }

  placeOf(name: string): BackendPlace | undefined {
    const index = this.#indexes.get(name)
    const owner = index === undefined ? undefined : this.#owners[index]
    return index === undefined || owner === undefined ? undefined : { index, generation: owner.generation }
  }

  at(index: number): BackendRecord | undefined {
    return this.#owners[index]?.backend
  }

  /** Who had an index in this generation of it; undefined: it has had two more owners since. */
  nameOf(index: number, generation: number): string | undefined {
    const owner = this.#owners[index]
    if (owner?.generation === generation) return owner.backend.name
    return owner?.before?.generation === generation ? owner.before.name : undefined
  }
}

function ownerBefore(owner: Owner | undefined, generation: number): Owner['before'] {
  if (owner === undefined || owner.generation === generation) return owner?.before
  return { name: owner.backend.name, generation: owner.generation }
}
