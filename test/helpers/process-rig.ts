import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { BackendOptions, ListenerOptions, PoolOptions, SessionCounts, Stats } from '../../src/index.ts'
import { Conn, type Dial, toDial } from './net.ts'
import { Child, cpuSeconds, fdsOf, type Prefix, residentBytes } from './processes.ts'
import type { RelayPair } from './relays.ts'
import { expectBalanced, expectDurations } from './rig.ts'
import { until } from './wait.ts'

/** Share of one processor; a loop that spins needs all of it. */
const SPINNING = 0.3
const WINDOW_MS = 300

/** A balancer in a process of its own. */
export interface ProcessRigSettings {
  backends: readonly BackendOptions[]
  pool?: Omit<PoolOptions, 'backends'>
  listener?: Partial<ListenerOptions>
  /** What the process runs in: a limit, a network namespace. */
  prefix?: Prefix
}

/** A balancer in a process of its own, with what the system tells about that process. */
export class ProcessRig implements AsyncDisposable {
  readonly child: Child
  readonly dial: Dial
  readonly #fds: number

  private constructor(child: Child, dial: Dial) {
    this.child = child
    this.dial = dial
    this.#fds = fdsOf(child.pid)
  }

  static async open(pair: RelayPair, { backends, pool, listener, prefix }: ProcessRigSettings): Promise<ProcessRig> {
    const child = await Child.start('limpet', prefix)
    try {
      const address = await child.call<AddressInfo>('open', {
        listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...pair.listener, ...listener }],
        pools: { p: { stickTable: { size: 100_000 }, ...pool, backends: [...backends] } },
        log: { level: 'error' },
      })
      return new ProcessRig(child, toDial(address))
    } catch (error) {
      await child.kill()
      throw error
    }
  }

  async connect(from: Dial = {}): Promise<Conn> {
    return await Conn.open({ ...this.dial, ...from })
  }

  async stats(): Promise<Stats> {
    return await this.child.call<Stats>('stats')
  }

  async counters(): Promise<SessionCounts> {
    return (await this.stats()).counters
  }

  /** Memory after a collection, in bytes. */
  async memory(): Promise<number> {
    await this.child.call('collect')
    return residentBytes(this.child.pid)
  }

  /** Waits until the process rests; one that spins never does. */
  async rests(): Promise<void> {
    const { pid } = this.child
    await until(`process ${pid} to rest`, async () => {
      const [began, cpu] = [performance.now(), cpuSeconds(pid)]
      await sleep(WINDOW_MS)
      return (cpuSeconds(pid) - cpu) / ((performance.now() - began) / 1000) < SPINNING
    })
  }

  /** Everything is back where it was before the first client, and every client is accounted for. */
  async settle(): Promise<SessionCounts> {
    const now = (): Promise<SessionCounts> => this.counters()
    await until('the sessions to end', async () => (await this.stats()).sessions === 0, now)
    const { pid } = this.child
    await until(
      'the descriptors to be closed',
      () => fdsOf(pid) <= this.#fds,
      () => [fdsOf(pid), this.#fds],
    )
    const stats = await this.stats()
    expectBalanced(stats)
    expectDurations(stats)
    expect(stats.fdBudget.used, 'descriptors in the budget').to.equal(0)
    expect(stats.pools.p, 'seats').to.include({ seats: 0, outstandingPicks: 0 })
    return stats.counters
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]()
  }
}
