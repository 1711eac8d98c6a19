import type { Socket } from 'node:net'
import { expect } from 'chai'
import type { Balancer } from '../../src/balancer.ts'
import type { PoolOptions } from '../../src/config/options.ts'
import { listenBy, makeBalancer, startBackend, until } from '../lifecycle/helpers.ts'

export async function open(pool: PoolOptions, maxSessions = 0): Promise<Balancer> {
  const balancer = makeBalancer(pool, listenBy('stream', maxSessions))
  await balancer.listen()
  return balancer
}

export async function openWith(serve: (socket: Socket) => void, pool: PoolOptions = {}): Promise<Balancer> {
  const backend = await startBackend(serve)
  return await open({ backends: [{ name: 'a', address: backend.address }], ...pool })
}

export function counts(balancer: Balancer): Record<string, number> {
  return Object.fromEntries(Object.entries(balancer.stats().counters).filter(([, count]) => count > 0))
}

/** Waits until no session is left; then every seat and descriptor must have been given back. */
export async function settled(balancer: Balancer): Promise<void> {
  await until(() => balancer.stats().sessions === 0)
  const { pools, fdBudget, listeners } = balancer.stats()
  expect([pools.p?.seats, pools.p?.outstandingPicks, fdBudget.used, listeners.l?.sessions]).to.deep.equal([0, 0, 0, 0])
}

/** A loopback address whose home is this backend. */
export function firstHomeOf(balancer: Balancer, backend: string): string {
  for (let last = 1; last < 255; last++) {
    if (balancer.pool().explain(`127.0.0.${last}`).home === backend) return `127.0.0.${last}`
  }
  throw new Error(`no client has its home at ${backend}`)
}
