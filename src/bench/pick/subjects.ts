import { createRequire } from 'node:module'
import { Balancer } from '../../balancer.ts'
import { Placement } from '../../core/placement.ts'
import { packageOf } from '../programs.ts'

/** Whom a cell asks from JavaScript. */
export const NODE_SUBJECTS = ['balancer', 'placement', 'hashring', 'consistent-hash'] as const
export type NodeSubject = (typeof NODE_SUBJECTS)[number]

/** One pick for a client's address, given back at once; or only its home, of those who know no more. */
export type Pick = (address: string) => void

/** What is used of `hashring` 3. */
interface HashRing {
  get: (key: string) => string
}

/** What is used of `consistent-hash` 1. */
interface ConsistentHash {
  add: (node: string) => void
  get: (key: string) => string
}

const SECRET = 'a secret of the benchmark'

/** Makes a subject with as many backends, and a stick table of as many pins if it has one. */
export const SUBJECTS: Readonly<Record<NodeSubject, (backends: readonly string[], pins: number) => Pick>> = {
  balancer: (backends, size) => {
    const entries = backends.map(address => ({ name: address, address }))
    const pool = { secret: SECRET, stickTable: { size, ttl: '30m' }, backends: entries }
    const balancer = new Balancer({ pools: { p: pool } })
    return address => balancer.pick(address).release()
  },
  placement: backends => {
    const placement = new Placement({ secret: SECRET, backends: backends.map(name => ({ name })) })
    return address => void placement.home(address)
  },
  hashring: backends => {
    const ring = new (load<new (servers: readonly string[]) => HashRing>('hashring'))(backends)
    return address => void ring.get(address)
  },
  'consistent-hash': backends => {
    const ring = new (load<new () => ConsistentHash>('consistent-hash'))()
    for (const backend of backends) ring.add(backend)
    return address => void ring.get(address)
  },
}

/** A package of bench/package.json; all of them are CommonJS. */
export function load<Exports>(name: string): Exports {
  const found = packageOf(name)
  if (found === undefined) throw new Error(`${name} is not installed`)
  return createRequire(import.meta.url)(found.path) as Exports
}
