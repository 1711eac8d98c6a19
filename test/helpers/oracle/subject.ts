import { type NativePlacement, type NativePool, type NativeStickTable, native } from '../../../src/native.ts'
import { derive } from './hash.ts'
import { type OracleBackend, OraclePlacement } from './placement.ts'

/** What makes a placement, for both sides. */
export interface PlacementSetup {
  algorithm?: 'rendezvous' | 'ring'
  /** Text of the pool's secret. */
  secret?: string
  ipv4Prefix?: number
  ipv6Prefix?: number
  ringPoints?: number
  backends: readonly OracleBackend[]
}

/** A pool of the native core; its backends are set and published. */
export interface PoolSetup extends PlacementSetup {
  /** c, at most three decimals; 0: no bound. */
  factor?: number
  tableSize?: number
  ttlMs?: number
  /** 0: never; 1: with the next connection; 2: when idle. */
  returnHome?: number
  backends: readonly (OracleBackend & { maxSessions?: number; state?: number })[]
}

const ALGORITHMS = { rendezvous: 0, ring: 1 } as const
const RING_POINTS = 160
export const SECRET = 'a secret for the tests'

/** The placement of the native core that a setup describes. */
export function nativePlacement(setup: PlacementSetup): NativePlacement {
  const { algorithm = 'rendezvous', secret = SECRET, backends } = setup
  return new (native().Placement)(
    ALGORITHMS[algorithm],
    setup.ringPoints ?? RING_POINTS,
    derive(secret, 'placement'),
    derive(secret, 'key'),
    setup.ipv4Prefix ?? 32,
    setup.ipv6Prefix ?? 64,
    backends.map(({ name }) => name),
    Uint32Array.from(backends, ({ weight }) => weight),
  )
}

/** The oracle of the same setup. */
export function oraclePlacement(setup: PlacementSetup): OraclePlacement {
  const { algorithm = 'rendezvous', secret = SECRET, backends } = setup
  return new OraclePlacement({
    algorithm,
    secret: derive(secret, 'placement'),
    ringPoints: setup.ringPoints ?? RING_POINTS,
    keys: {
      secret: derive(secret, 'key'),
      ipv4Prefix: setup.ipv4Prefix ?? 32,
      ipv6Prefix: setup.ipv6Prefix ?? 64,
    },
    backends,
  })
}

export function nativePool(setup: PoolSetup): NativePool {
  const { algorithm = 'rendezvous', secret = SECRET, backends } = setup
  const pool = new (native().Pool)(
    ALGORITHMS[algorithm],
    setup.ringPoints ?? RING_POINTS,
    Math.round((setup.factor ?? 0) * 1000),
    derive(secret, 'placement'),
    derive(secret, 'key'),
    setup.ipv4Prefix ?? 32,
    setup.ipv6Prefix ?? 64,
    setup.tableSize ?? 0,
    setup.ttlMs ?? 1_800_000,
    1024,
    new Uint32Array([0, 0, 0, 0, 0, setup.returnHome ?? 0, 0, 0, 0, 0, 0]),
  )
  for (const { name, weight, maxSessions = 0, state = 0 } of backends) {
    setBackend(pool, name, weight, maxSessions, state)
  }
  pool.publish()
  return pool
}

/** Stages a backend; its address plays no part here. Returns its index. */
export function setBackend(pool: NativePool, name: string, weight: number, maxSessions = 0, state = 0): number {
  const identity = pool.setBackend(name, weight, maxSessions, state, '127.0.0.1', 9)
  return identity < 0 ? identity : identity % 2 ** 16
}

export function nativeStickTable(size: number, ttlMs = 1_800_000, ipv6Prefix = 64): NativeStickTable {
  return new (native().StickTable)(size, ttlMs, derive(SECRET, 'key'), 32, ipv6Prefix)
}

/** n backends of one weight. */
export function equalBackends(count: number, weight = 1): OracleBackend[] {
  return Array.from({ length: count }, (_, i) => ({ name: `backend-${i}`, weight }))
}
