import { expect } from 'chai'
import type { Announcement, HomeBackend } from '../../../src/cluster/switches/announcement.ts'
import { type Switched, Switches, type SwitchPool, type SwitchStore } from '../../../src/cluster/switches/switches.ts'

const TIMEOUT_MS = 10_000
const TICK_MS = 100

const NOW: HomeBackend[] = [{ name: 'a', weight: 1, backup: false }]
const NEXT: HomeBackend[] = [...NOW, { name: 'b', weight: 1, backup: false }]

/** Time that goes on when it is told to. */
class Clock {
  time = 0
  readonly #sleepers = new Set<{ at: number; wake: () => void }>()

  now(): number {
    return this.time
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    await new Promise<void>(resolve => {
      const wake = (): void => {
        this.#sleepers.delete(sleeper)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const sleeper = { at: this.time + ms, wake }
      this.#sleepers.add(sleeper)
      signal.addEventListener('abort', wake)
    })
  }

  async advance(ms: number): Promise<void> {
    this.time += ms
    for (const { at, wake } of this.#sleepers) if (at <= this.time) wake()
    await settled()
  }
}

/** All promises whose turn has come have gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
}

/** What the balancers share. */
class Shared {
  readonly announced = new Map<string, string[]>()
  readonly contents = new Map<string, readonly HomeBackend[]>()
  readonly done = new Map<string, Map<string, readonly string[]>>()
  readonly clock = new Clock()
  readonly live = new Set<string>()
  error: Error | undefined
  /** What was told is on its way. */
  reading: Promise<void> = Promise.resolve()
  calls = 0

  seenBy(id: string): SwitchStore {
    const call = async (): Promise<void> => {
      this.calls++
      if (this.error !== undefined) throw this.error
    }
    return {
      isUp: true,
      live: () => [...this.live],
      announce: async ({ pool, id, backends }: Announcement) => {
        await call()
        const others = (this.announced.get(pool) ?? []).filter(one => one !== id)
        this.announced.set(pool, [id, ...others])
        this.contents.set(`${pool} ${id}`, backends)
      },
      announced: async () => {
        await call()
        return new Map(this.announced)
      },
      read: async (pool, id) => {
        await call()
        return this.contents.get(`${pool} ${id}`)
      },
      sayDone: async (pool, ids) => {
        await call()
        const by = this.done.get(pool) ?? new Map<string, readonly string[]>()
        this.done.set(pool, by.set(id, ids))
      },
      caughtUp: async () => {
        await call()
        await this.reading
      },
      done: async pool => {
        await call()
        return this.done.get(pool) ?? new Map()
      },
    }
  }
}

/** A pool that tells of its pins when it is let. */
class FakePool implements SwitchPool {
  digest = 'now'
  backends: readonly HomeBackend[] = NOW
  readonly told: (readonly HomeBackend[])[] = []
  readonly beside: (readonly HomeBackend[] | undefined)[] = []
  telling: Promise<void> = Promise.resolve()

  async tell(backends: readonly HomeBackend[]): Promise<void> {
    this.told.push(backends)
    await this.telling
  }

  tellBeside(backends: readonly HomeBackend[] | undefined): void {
    this.beside.push(backends)
  }

  hold({ id, backends }: Announcement): void {
    this.digest = id
    this.backends = backends
  }
}

class Balancer {
  readonly pool = new FakePool()
  readonly pools = new Map<string, SwitchPool>([['p', this.pool]])
  readonly switches: Switches
  readonly failures: string[] = []

  constructor(shared: Shared, id: string, store = shared.seenBy(id)) {
    shared.live.add(id)
    this.switches = new Switches({
      id,
      timeoutMs: TIMEOUT_MS,
      store,
      pools: this.pools,
      clock: shared.clock,
      failed: error => this.failures.push(error.message),
    })
  }
}

const TO_NEXT: Announcement = { pool: 'p', id: 'next', backends: NEXT }

describe('changes of a membership that are announced', () => {
  let shared: Shared
  let one: Balancer
  let two: Balancer

  beforeEach(() => {
    shared = new Shared()
    one = new Balancer(shared, 'one')
    two = new Balancer(shared, 'two')
  })

  /** Time goes on, and the balancers with it. */
  async function tick(...balancers: Balancer[]): Promise<void> {
    for (const { switches } of balancers) await switches.turn()
    await settled()
    await shared.clock.advance(TICK_MS)
  }

  function announce({ switches }: Balancer, ...announcements: Announcement[]): { ended: Switched | undefined } {
    const waiting: { ended: Switched | undefined } = { ended: undefined }
    switches.announce(announcements).then(ended => {
      waiting.ended = ended
    })
    return waiting
  }

  it('wait until every balancer has told what will be an exception', async () => {
    let told = (): void => undefined
    two.pool.telling = new Promise(resolve => {
      told = resolve
    })
    const waiting = announce(one, TO_NEXT)
    await settled()
    await tick(one, two)
    expect(one.pool.told).to.deep.equal([NEXT])
    expect(two.pool.told).to.deep.equal([NEXT])
    expect(waiting.ended).to.equal(undefined)
    told()
    await tick(one, two)
    await tick(one, two)
    expect(waiting.ended).to.deep.include({ reason: 'done', missing: [] })
    // Once is enough.
    expect(two.pool.told).to.have.length(1)
  })

  it('wait until what was told is known here', async () => {
    let read = (): void => undefined
    shared.reading = new Promise(resolve => {
      read = resolve
    })
    const waiting = announce(one, TO_NEXT)
    await settled()
    for (let turn = 0; turn < 3; turn++) await tick(one, two)
    expect(waiting.ended).to.equal(undefined)
    read()
    await settled()
    expect(waiting.ended).to.deep.include({ reason: 'done' })
  })

  it('go on when the time is up, and say who did not answer', async () => {
    const waiting = announce(one, TO_NEXT)
    await settled()
    await tick(one)
    for (let ms = TICK_MS; ms < TIMEOUT_MS - TICK_MS; ms += TICK_MS) await tick(one)
    expect(waiting.ended).to.equal(undefined)
    await tick(one)
    expect(waiting.ended).to.deep.equal({ reason: 'timeout', ms: TIMEOUT_MS, missing: ['two'] })
  })

  it('do not wait for a balancer that lives no more', async () => {
    const waiting = announce(one, TO_NEXT)
    await settled()
    await tick(one)
    await tick(one)
    expect(waiting.ended).to.equal(undefined)
    shared.live.delete('two')
    await tick(one)
    expect(waiting.ended).to.deep.include({ reason: 'done' })
  })

  it('do not wait where nobody else is there, and then announce nothing', async () => {
    shared.live.delete('two')
    expect(await one.switches.announce([TO_NEXT])).to.deep.equal({ reason: 'alone', ms: 0, missing: [] })
    expect(shared.calls).to.equal(0)
  })

  it('do not wait for a store that is away, whether that is known or is found out', async () => {
    const away = new Balancer(shared, 'away', { ...shared.seenBy('away'), isUp: false })
    expect(await away.switches.announce([TO_NEXT])).to.deep.include({ reason: 'away' })
    const waiting = announce(one, TO_NEXT)
    await settled()
    await tick(one)
    expect(waiting.ended).to.equal(undefined)
    shared.error = new Error('lost')
    await shared.clock.advance(TICK_MS)
    expect(waiting.ended).to.deep.include({ reason: 'away' })
  })

  it('do not keep a balancer that closes', async () => {
    const waiting = announce(one, TO_NEXT)
    await settled()
    one.switches.close()
    await settled()
    expect(waiting.ended).to.deep.include({ reason: 'closed' })
  })

  it('are done at once when another announces the same a moment later', async () => {
    const first = announce(one, TO_NEXT)
    await settled()
    await tick(one, two)
    await tick(one, two)
    expect(first.ended).to.deep.include({ reason: 'done' })
    one.pool.hold(TO_NEXT)
    await tick(one, two)
    const second = announce(two, TO_NEXT)
    await settled()
    expect(second.ended).to.deep.equal({ reason: 'done', ms: 0, missing: [] })
    expect([one.pool.told.length, two.pool.told.length]).to.deep.equal([1, 1])
  })

  it('are no work for who has these backends already, or has no such pool', async () => {
    one.pool.hold(TO_NEXT)
    two.pools.clear()
    const three = new Balancer(shared, 'three')
    const waiting = announce(three, TO_NEXT)
    await settled()
    await tick(one, two, three)
    await tick(one, two, three)
    expect(waiting.ended).to.deep.include({ reason: 'done' })
    expect([one.pool.told, two.pool.told, three.pool.told]).to.deep.equal([[], [], [NEXT]])
  })

  it('of several pools wait together', async () => {
    const other = new FakePool()
    for (const { pools } of [one, two]) pools.set('q', other)
    const waiting = announce(one, TO_NEXT, { ...TO_NEXT, pool: 'q' })
    await settled()
    two.pools.delete('q')
    shared.announced.delete('q')
    await tick(one, two)
    await tick(one, two)
    expect(waiting.ended).to.equal(undefined)
    shared.announced.set('q', ['next'])
    await tick(one, two)
    await tick(one, two)
    expect(waiting.ended).to.deep.include({ reason: 'done' })
  })

  it('have each balancer tell of new clients, too, until all have changed', async () => {
    announce(one, TO_NEXT)
    await settled()
    await tick(one, two)
    // Before its walk, so that nobody comes between.
    expect(two.pool.beside).to.deep.equal([NEXT])
    one.pool.hold(TO_NEXT)
    one.switches.changed()
    // It is ahead now: the others have the homes of before.
    expect(one.pool.beside).to.deep.equal([NEXT, NOW])
    shared.announced.clear()
    await tick(one, two)
    expect(one.pool.beside.at(-1)).to.equal(undefined)
    expect(two.pool.beside).to.deep.equal([NEXT, undefined])
  })

  it('are answered again after an error, not at once', async () => {
    const waiting = announce(one, TO_NEXT)
    await settled()
    two.pool.telling = Promise.reject(new Error('full'))
    await tick(one, two)
    await tick(one, two)
    expect(two.failures).to.deep.equal(['full'])
    expect(two.pool.told).to.have.length(1)
    two.pool.telling = Promise.resolve()
    for (let ms = 0; ms <= 1000; ms += TICK_MS) await tick(one, two)
    expect(two.pool.told).to.have.length(2)
    expect(waiting.ended).to.deep.include({ reason: 'done' })
  })
})
