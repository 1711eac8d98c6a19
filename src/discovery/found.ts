import { createHash } from 'node:crypto'
import type { IpAddress } from '../config/address.ts'
import type { ResolvedDiscovery } from '../config/discovery.ts'
import type { ResolvedBackend } from '../config/resolved.ts'

/** What a source knows now. */
export interface Found {
  readonly backends: readonly ResolvedBackend[]
  /** How long it holds, in milliseconds. */
  readonly ttlMs: number
  /** What of it could not be used, a sentence each; not empty: what is there is used all the same. */
  readonly troubles: readonly string[]
}

/** Where each backend was, by its name, when it was found the last time. */
export type KnownAddresses = ReadonlyMap<string, ResolvedBackend['address']>

/** Somebody who knows backends. */
export interface DiscoverySource {
  /**
   * Looks what there is now; the same object as before: nothing has changed.
   *
   * @param isUrgent - somebody waits for the newest
   * @throws {@link DiscoveryFailure}; the reason of the signal
   */
  look(known: KnownAddresses, signal: AbortSignal, isUrgent: boolean): Promise<Found>
}

/** The longest name of a backend, and what of a longer one is kept before its hash. */
const LONGEST_NAME = 128
const HASH_DIGITS = 16

/** A server that was found. */
export interface FoundServer {
  readonly name: string
  readonly address: IpAddress
  readonly weight: number
  readonly backup: boolean
}

/** With what is configured for all that are found. */
export function backendOf(server: FoundServer, settings: ResolvedDiscovery): ResolvedBackend {
  const { maxSessions, health } = settings
  const weight = settings.weight ?? server.weight
  const { name, address, backup } = server
  const backend = { name: shortName(name), address, weight, maxSessions, backup, state: 'ready' } as const
  return health === undefined || health === 'pool' ? backend : { ...backend, health }
}

/** Names of DNS may be longer than those of backends: of these the end is a hash of all. */
function shortName(name: string): string {
  if (name.length <= LONGEST_NAME) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_DIGITS)
  return `${name.slice(0, LONGEST_NAME - HASH_DIGITS - 1)}-${hash}`
}
