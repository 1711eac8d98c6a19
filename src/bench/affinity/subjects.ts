import { Placement } from '../../core/placement.ts'
import { permuted } from '../clients.ts'
import { load } from '../pick/subjects.ts'
import { packageOf } from '../programs.ts'

/** A backend of a comparison. */
export interface Member {
  name: string
  weight: number
}

/** Homes of clients: index of the home of each. */
export type Homes = (addresses: readonly string[]) => Uint16Array

/** A way to give clients homes. */
export interface AffinitySubject {
  name: string
  /** @param seed - of what is random, or secret: another one in every round, the same in every run */
  homes: (members: readonly Member[], seed: number) => Homes
  /** Points of a backend of weight 1 on the circle; 0: it has none. */
  points: number
}

const RING_POINTS = 160

/** The secret of a round. */
export function secretOf(seed: number): string {
  return `limpet bench, round ${seed}`
}

export const RENDEZVOUS: AffinitySubject = { name: 'rendezvous', homes: ofPlacement('rendezvous'), points: 0 }
export const RING: AffinitySubject = { name: 'ring', homes: ofPlacement('ring'), points: RING_POINTS }

/** What a table of servers and a remainder give: every server as often in the table as its weight says. */
export const MODULO: AffinitySubject = {
  name: 'modulo',
  points: 0,
  homes: (members, seed) => {
    const slots = members.flatMap(({ weight }, index) => Array.from({ length: weight }, () => index))
    return addresses => Uint16Array.from(addresses, address => slots[hashOf(address, seed) % slots.length] ?? 0)
  },
}

const PACKAGES: readonly AffinitySubject[] = [
  {
    name: 'hashring',
    points: 160,
    homes: members => {
      const servers = Object.fromEntries(members.map(({ name, weight }) => [name, { weight }]))
      const ring = new (load<new (servers: object) => { get: (key: string) => string }>('hashring'))(servers)
      return byName(members, address => ring.get(address))
    },
  },
  {
    name: 'consistent-hash',
    points: 40,
    homes: (members, seed) => {
      type Ring = { add: (node: string, points: number) => void; get: (key: string) => string }
      const ring = new (load<new () => Ring>('consistent-hash'))()
      for (const { name, weight } of members) withRandom(hashOf(name, seed), () => ring.add(name, 40 * weight))
      return byName(members, address => ring.get(address))
    },
  },
]

/** Those whose package is installed, after those that need none. */
export function subjects(): AffinitySubject[] {
  return [RENDEZVOUS, RING, MODULO, ...PACKAGES.filter(({ name }) => packageOf(name) !== undefined)]
}

/** Names of the packages, by whether they are installed. */
export function packages(): { installed: Record<string, string>; missing: string[] } {
  const installed: Record<string, string> = {}
  const missing: string[] = []
  for (const { name } of PACKAGES) {
    const found = packageOf(name)
    if (found === undefined) missing.push(name)
    else installed[name] = found.version
  }
  return { installed, missing }
}

/** FNV-1a, mixed: a remainder takes the low bits. */
export function hashOf(text: string, seed: number): number {
  let hash = permuted(seed) ^ 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return permuted(hash)
}

function ofPlacement(placement: 'rendezvous' | 'ring'): AffinitySubject['homes'] {
  return (members, seed) => {
    const made = new Placement({ placement, secret: secretOf(seed), backends: members })
    return byName(members, address => made.home(address) ?? '')
  }
}

function byName(members: readonly Member[], home: (address: string) => string): Homes {
  const indexes = new Map(members.map(({ name }, index) => [name, index]))
  return addresses =>
    Uint16Array.from(addresses, address => {
      const index = indexes.get(home(address))
      if (index === undefined) throw new RangeError(`${address} has no home among the backends`)
      return index
    })
}

/**
 * consistent-hash draws the points of a backend with Math.random. With the same seed they are the same in every run, and in
 * a ring that others were added to or taken from.
 */
function withRandom(seed: number, work: () => void): void {
  const { random } = Math
  let drawn = Math.imul(seed + 1, 0x9e3779b1)
  Math.random = () => permuted(drawn++) / 2 ** 32
  try {
    work()
  } finally {
    Math.random = random
  }
}
