import { Balancer } from '../../balancer.ts'
import { hashOf, type Member, secretOf } from './subjects.ts'

/** Where a session went. */
export interface Seat {
  backend: string
  /** Place of the backend in the client's order, from 1. */
  probes: number
  release: () => void
}

/** A pool whose backends have a bound. */
export interface BoundedPool {
  pick: (address: string) => Seat
  close: () => void
}

/** How many sessions a backend may have. `capacity`: so many; `factor`: so many times its share of those that are there. */
export type Bound = { capacity: number } | { factor: number }

/** @param seed - of the secret */
export type BoundedSubject = (members: readonly Member[], bound: Bound, seed: number) => BoundedPool

/** Limpet's own pool, without a stick table: every client is a new one. */
export function limpetPool(placement: 'rendezvous' | 'ring'): BoundedSubject {
  return (members, bound, seed) => {
    const maxSessions = 'capacity' in bound ? bound.capacity : 0
    const boundedLoad = 'factor' in bound ? bound.factor : 'off'
    const backends = members.map(({ name, weight }) => ({ name, address: name, weight, maxSessions }))
    const pool = { secret: secretOf(seed), placement, boundedLoad, stickTable: 'off', backends } as const
    const balancer = new Balancer({ pools: { p: pool } })
    return {
      pick: address => {
        const decision = balancer.pick(address)
        const { backend, reason } = decision
        const probes = reason === 'home' ? 1 : balancer.pool('p').explain(address).order.indexOf(backend) + 1
        return { backend, probes, release: () => decision.release() }
      },
      close: () => void balancer.destroy(),
    }
  }
}

/** Modulo with the same bound: whoever finds the home full goes to the next backend of the list. Equal weights only. */
export const moduloPool: BoundedSubject = (members, bound, seed) => {
  const loads = new Uint32Array(members.length)
  let sessions = 0
  const limit = (): number => {
    if ('capacity' in bound) return bound.capacity
    return Math.max(1, Math.ceil((Math.round(bound.factor * 1000) * (sessions + 1)) / (1000 * members.length)))
  }
  return {
    pick: address => {
      const [home, most] = [hashOf(address, seed) % members.length, limit()]
      for (let probes = 1; probes <= members.length; probes++) {
        const index = (home + probes - 1) % members.length
        const load = loads[index] ?? 0
        if (load >= most) continue
        loads[index] = load + 1
        sessions++
        return { backend: members[index]?.name ?? '', probes, release: () => leave(index) }
      }
      // The bounds sum up to more than the sessions that are there.
      throw new RangeError('every backend is at its bound')
    },
    close: () => undefined,
  }
  function leave(index: number): void {
    loads[index] = (loads[index] ?? 1) - 1
    sessions--
  }
}
