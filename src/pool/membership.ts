import { isDeepStrictEqual } from 'node:util'
import { formatAddress } from '../config/address.ts'
import { describeBackendHealth } from '../config/describe.ts'
import type { ResolvedBackend, ResolvedBackendChanges } from '../config/resolved.ts'

/** What makes one list of backends out of another. */
export interface MembershipChange {
  /** Backends that are new, or not as they were. */
  set: readonly ResolvedBackend[]
  /** Names of those that are gone. */
  removed: readonly string[]
}

/** A backend with what was changed of it. */
export function changedBackend(backend: ResolvedBackend, changes: ResolvedBackendChanges): ResolvedBackend {
  const {
    address = backend.address,
    weight = backend.weight,
    maxSessions = backend.maxSessions,
    backup = backend.backup,
    state = backend.state,
    health = backend.health,
  } = changes
  const settings = { name: backend.name, address, weight, maxSessions, backup, state }
  return health === undefined || health === 'pool' ? settings : { ...settings, health }
}

/** The change from the backends of a pool to others. */
export function membershipChange(
  before: Iterable<ResolvedBackend>,
  after: readonly ResolvedBackend[],
): MembershipChange {
  const known = new Map([...before].map(backend => [backend.name, backend]))
  const names = new Set(after.map(({ name }) => name))
  return {
    set: after.filter(backend => {
      const old = known.get(backend.name)
      return old === undefined || !isSame(old, backend)
    }),
    removed: [...known.keys()].filter(name => !names.has(name)),
  }
}

function isSame(left: ResolvedBackend, right: ResolvedBackend): boolean {
  const { weight, maxSessions, backup, state, address } = left
  const share = right.weight === weight && right.maxSessions === maxSessions && right.backup === backup
  const isSameHealth = isDeepStrictEqual(describeBackendHealth(left), describeBackendHealth(right))
  return share && isSameHealth && right.state === state && formatAddress(right.address) === formatAddress(address)
}
