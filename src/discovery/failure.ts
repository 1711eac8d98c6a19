/** Why nothing was found, or not what can be believed: a word for counters and a sentence for people. */
export type FailureKind =
  /** Nobody answered in time. */
  | 'timeout'
  /** A server said that it cannot answer, or could not be reached. */
  | 'server'
  /** There is no such name, or it has no records of this type. */
  | 'negative'
  /** What came is no answer, or the file is no list of backends. */
  | 'malformed'
  /** The file cannot be read. */
  | 'unreadable'
  /** Fewer than `minBackends`, or more than a pool can hold. */
  | 'count'
  /** What was found cannot be the backends of this pool. */
  | 'refused'

export const FAILURE_KINDS: readonly FailureKind[] = [
  'timeout',
  'server',
  'negative',
  'malformed',
  'unreadable',
  'count',
  'refused',
]

/** Nothing was found that can be believed. */
export class DiscoveryFailure extends Error {
  override readonly name = 'DiscoveryFailure'
  readonly kind: FailureKind

  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
  }
}
