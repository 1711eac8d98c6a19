import type { NativePlacement } from './placement.ts'

/** Exceptions on their way: sixteen bytes a key, its kind and its value, of which the last seven are 0. */
export interface NativeExceptionKeys {
  keys: Buffer
}

/** What became of the pins of keys; the oldest first. */
export interface NativePinEvents extends NativeExceptionKeys {
  /**
   * Triples: 0 where the pin leads to a backend that is not the key's home, 1 where it did and does not any more; that
   * backend; and the backend where the key was pinned to before, or -1. Backends are told as `setBackend()` does.
   */
  events: Float64Array
  /** How many are left. */
  waiting: number
  /** How many were lost, ever, because newer ones came before they were taken. */
  dropped: number
}

/** Exceptions of a stick table. */
export interface NativeExceptions extends NativeExceptionKeys {
  /** Pairs: the backend, and for how many milliseconds. */
  pins: Float64Array
}

/** What a pool does for balancers that share their exceptions: pins whose backend is not the home of their key. */
export interface NativeSharing {
  /** From now on exceptions that are made here, and that end here, are noted: the last `size` of them. */
  shareExceptions(size: number): void
  /** Takes the oldest of those that were noted. */
  takeExceptions(most: number): NativePinEvents
  /**
   * Exceptions by the roster of now, from a cursor on, as `listPins()` goes: those that were used in the last `idleMs`, or
   * have sessions; `withAdopted`: those of others, too, that have no sessions here.
   */
  listExceptions(
    cursor: number,
    most: number,
    idleMs: number,
    withAdopted: boolean,
  ): NativeExceptions & { next: number }
  /**
   * The same of pins that are no exceptions now, and are by another placement: `homes` has, for each of its names, the
   * backend as `setBackend()` told it, or -1. Those of others that have no sessions here are left out.
   */
  listBecoming(
    cursor: number,
    most: number,
    idleMs: number,
    placement: NativePlacement,
    homes: Float64Array,
  ): NativeExceptions & { next: number }
  /** From now on what is made here, and is an exception by that placement, is noted, too; without one: no more. */
  shareBeside(placement?: NativePlacement, homes?: Float64Array): void
  /**
   * Takes over what other balancers have made, and forgets what they have ended, where that is what the table says and no
   * session lives by it: pairs of a backend and a time, 0: ended. Returns how many became what, see {@link ADOPTED}.
   * `despiteSessions`: a key that has sessions on another backend is pinned, too; they stay where they are.
   */
  adopt(keys: Uint8Array, pins: Float64Array, despiteSessions: boolean): Float64Array
}

/** What becomes of exceptions of others; the order is that of `Adopted` in `native/core/pool.h`. */
export const ADOPTED = ['stored', 'same', 'lives', 'full', 'unknown', 'forgotten'] as const
