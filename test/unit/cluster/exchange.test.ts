import { expect } from 'chai'
import { Exchange } from '../../../src/cluster/exceptions/exchange.ts'
import { PoolSharing } from '../../../src/cluster/exceptions/pool-sharing.ts'
import { Traffic } from '../../../src/cluster/exceptions/traffic.ts'
import { PUT } from '../../../src/cluster/store/scripts.ts'
import { StoreKeys } from '../../../src/cluster/store/store-keys.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { PoolCore } from '../../../src/pool/core.ts'
import { until } from '../../helpers/wait.ts'
import { FakeStore } from './fake-store.ts'

const NAMES = ['a', 'b', 'c', 'd']
const TTL_MS = 1_800_000
const TURN_MS = 100
/** What one turn tells at most. */
const MOST = 1000

const client = (n: number): string => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`

/** A balancer without sockets, of some pools. */
class Side {
  readonly cores: PoolCore[]
  readonly pools: Map<string, PoolSharing>
  readonly traffic = new Traffic()
  readonly incarnations: string[] = []
  readonly store: FakeStore
  link
  exchange: Exchange

  constructor(store: FakeStore, names: readonly string[] = ['p'], size = 100_000) {
    const backends = NAMES.map(name => ({ name, address: '127.0.0.1:1' }))
    const pool = { secret: 'a secret of tests', stickTable: { size, ttl: TTL_MS }, backends }
    const settings = resolveOptions({ pools: Object.fromEntries(names.map(name => [name, pool])) }).pools
    this.cores = [...settings.values()].map(one => new PoolCore(one))
    this.pools = new Map(this.cores.map(core => [core.name, PoolSharing.of(core) ?? expect.fail()]))
    this.store = store
    this.link = store.connect()
    this.exchange = this.connect()
  }

  connect(): Exchange {
    this.link = this.store.connect()
    const keys = new StoreKeys({ prefix: 'limpet', name: 'default' }, 1)
    const { link, pools, traffic, incarnations } = this
    this.exchange = new Exchange({
      link,
      keys,
      id: `${this.cores[0]?.name}${Math.random()}`,
      pools,
      traffic,
      incarnations,
    })
    return this.exchange
  }

  get core(): PoolCore {
    return this.cores[0] ?? expect.fail()
  }

  away(address: string, nth = 0): string {
    const home = this.core.clientPlace(address)?.home
    return NAMES.filter(name => name !== home)[nth] ?? expect.fail()
  }

  pin(address: string, backend: string, core = this.core): void {
    const { index, generation } = core.placeOf(backend) ?? expect.fail()
    core.native.setPin(address, index, generation, TTL_MS)
  }

  pinMany(count: number, core = this.core): void {
    for (let at = 0; at < count; at++) this.pin(client(at), this.away(client(at)), core)
  }

  pinned(address: string): string | undefined {
    const packed = this.core.native.pick(address)
    const handle = Math.floor(packed / 2 ** 20)
    const { name } = this.core.backendAt(Math.floor(packed / 16) % 2 ** 16)
    this.core.native.release(handle, 0)
    return name
  }

  close(): void {
    for (const core of this.cores) core.close()
  }
}

describe('the exchange of exceptions', () => {
  let store: FakeStore
  const sides: Side[] = []

  beforeEach(() => {
    store = new FakeStore()
  })

  afterEach(() => {
    for (const side of sides.splice(0)) side.close()
  })

  function side(names?: readonly string[], size?: number): Side {
    const made = new Side(store, names, size)
    sides.push(made)
    return made
  }

  /** What has been told since it was asked last. */
  function told(what = 'PUT'): number {
    return store.commands.splice(0).filter(command => command === what).length
  }

  it('tells so much a turn, and says that there is more', async () => {
    const one = side()
    one.pinMany(2500)
    expect(await one.exchange.turn(TURN_MS)).to.equal(true)
    expect(told()).to.equal(MOST)
    expect(await one.exchange.turn(TURN_MS)).to.equal(true)
    await one.exchange.turn(TURN_MS)
    expect(told()).to.equal(1500)
    expect(await one.exchange.turn(TURN_MS)).to.equal(false)
    expect(told()).to.equal(0)
  })

  it('tells no more of the table in one turn', async () => {
    const one = side()
    one.pinMany(5000)
    while (await one.exchange.turn(TURN_MS));
    told()
    one.pools.get('p')?.want('roster')
    const turns: number[] = []
    for (let hasMore = true; hasMore; turns.push(told())) hasMore = await one.exchange.turn(TURN_MS)
    expect(Math.max(...turns)).to.equal(MOST)
    expect(turns.reduce((sum, count) => sum + count, 0)).to.equal(5000)
  })

  it('gives every pool its share, and what is left to whoever has more', async () => {
    const names = Array.from({ length: 10 }, (_, at) => `p${at}`)
    const one = side(names)
    const [busy, quiet] = one.cores as [PoolCore, PoolCore]
    one.pinMany(3000, busy)
    one.pinMany(50, quiet)
    await one.exchange.turn(TURN_MS)
    expect(one.traffic.published).to.equal(MOST)
    expect(one.pools.get(quiet.name)?.backlog.waiting).to.equal(0)
    expect(one.pools.get(busy.name)?.backlog.waiting).to.equal(3050 - MOST)
  })

  it('tells again what was not answered, the newest of it where it is too much', async () => {
    const [one, other] = [side(), side()]
    one.pinMany(1500)
    let answers = 0
    store.before = ([name]) => {
      if (name === 'EVAL' && ++answers > 400) {
        one.link.close()
        throw new Error('lost')
      }
    }
    // It has read everything before, or not.
    await one.exchange.turn(TURN_MS).catch((error: Error) => expect(error.message).to.equal('lost'))
    expect(one.traffic.published).to.equal(400)
    expect(one.pools.get('p')?.backlog).to.deep.equal({ waiting: 1100, dropped: 0 })
    store.before = () => undefined
    one.connect()
    while (await one.exchange.turn(TURN_MS));
    expect(store.pins.size).to.equal(1500)
    while (await other.exchange.turn(TURN_MS));
    expect(other.traffic.adopted.stored).to.equal(1500)
  })

  it('finds in the table what dropped out of the queue', async () => {
    const one = side()
    one.pinMany(17_000)
    expect(one.pools.get('p')?.backlog).to.deep.equal({ waiting: 16_384, dropped: 616 })
    await until('all to be told', async () => {
      await one.exchange.turn(TURN_MS)
      store.stream.length = 0
      return store.pins.size === 17_000
    })
  })

  it('counts what it refuses, and forgets the refusal when it takes it', async () => {
    const one = side()
    one.pinMany(3)
    store.before = ([name]) => {
      if (name === 'EVALSHA') throw new Error('OOM command not allowed')
    }
    await one.exchange.turn(TURN_MS)
    expect(one.traffic).to.include({ refused: 3, published: 0, refusal: 'OOM command not allowed' })
    store.before = () => undefined
    one.pin(client(9), one.away(client(9)))
    await one.exchange.turn(TURN_MS)
    expect(one.traffic.refusal).to.equal(undefined)
  })

  it('of one key is in the order in which it happened', async () => {
    const one = side()
    const [first, second] = [one.away(client(1)), one.away(client(1), 1)]
    one.pin(client(1), first)
    await one.exchange.turn(TURN_MS)
    one.core.native.erasePin(client(1))
    one.pin(client(1), second)
    store.knownScripts.add(PUT)
    await one.exchange.turn(TURN_MS)
    expect([...store.pins.values()].map(({ backend }) => backend)).to.deep.equal([second])
    expect(one.traffic.lostRaces).to.equal(0)
  })

  it('replaces one whose backend this pool does not have', async () => {
    const [one, other] = [side(), side()]
    one.pin(client(1), one.away(client(1)))
    await one.exchange.turn(TURN_MS)
    for (const pin of store.pins.values()) pin.backend = 'gone'
    other.pin(client(1), other.away(client(1), 1))
    await other.exchange.turn(TURN_MS)
    expect([...store.pins.values()].map(({ backend }) => backend)).to.deep.equal([other.away(client(1), 1)])
    expect(other.traffic.lostRaces).to.equal(0)
  })

  it('does not take back what it has told later', async () => {
    const [one, other] = [side(), side()]
    const [first, second] = [one.away(client(1)), one.away(client(1), 1)]
    one.pin(client(1), first)
    await one.exchange.turn(TURN_MS)
    store.knownScripts.add(PUT)
    // The other one has it, and moves it before it reads what was told of it.
    other.pin(client(1), first)
    other.pin(client(1), second)
    await other.exchange.turn(TURN_MS)
    expect(other.pinned(client(1))).to.equal(second)
    await one.exchange.turn(TURN_MS)
    expect(one.pinned(client(1))).to.equal(second)
  })

  it('reads everything where the stream was trimmed', async () => {
    const [one, other] = [side(), side()]
    one.pinMany(3)
    await one.exchange.turn(TURN_MS)
    await other.exchange.turn(TURN_MS)
    one.pin(client(7), one.away(client(7)))
    await one.exchange.turn(TURN_MS)
    for (let at = 0; at < 1200; at++) store.tell('nobody', 'q', 'x', 'a', 1)
    store.stream.splice(0, 10)
    while (await other.exchange.turn(TURN_MS));
    expect(other.pinned(client(7))).to.equal(one.away(client(7)))
    expect(store.commands).to.include('READ')
    store.commands = []
    await other.exchange.turn(TURN_MS)
    expect(store.commands).to.not.include('READ')
  })

  it('notices that the store was emptied, also between two connections', async () => {
    const one = side()
    expect(await one.exchange.wasEmptied()).to.equal(false)
    expect(await one.exchange.wasEmptied()).to.equal(false)
    store.incarnation = undefined
    expect(await one.exchange.wasEmptied()).to.equal(true)
    one.connect()
    expect(await one.exchange.wasEmptied()).to.equal(false)
    store.incarnation = undefined
    one.connect()
    expect(await one.exchange.wasEmptied()).to.equal(true)
  })

  it('bears times that are none', async () => {
    const [one, other] = [side(), side()]
    one.pin(client(1), one.away(client(1)))
    await one.exchange.turn(TURN_MS)
    const [, fields = []] = store.stream[0] ?? expect.fail()
    const [, , , , , key = ''] = fields
    store.stream.length = 0
    for (const ttl of [Number.NaN, -5, 1e300, Number.POSITIVE_INFINITY])
      store.tell('x', 'p', key, one.away(client(1)), ttl)
    store.stream.push(['1-99', []], ['1-100', ['by']])
    await other.exchange.turn(TURN_MS)
    expect(other.traffic.adopted).to.include({ stored: 1, same: 1 })
  })
})

describe('what a pool has to tell', () => {
  it('is not held up by a walk for what is renewed', () => {
    const one = new Side(new FakeStore(), ['p'], 1_000_000)
    try {
      const sharing = one.pools.get('p') ?? expect.fail()
      one.pinMany(20)
      expect(sharing.take(100, TURN_MS)).to.have.length(20)
      sharing.want('renew')
      sharing.take(100, TURN_MS)
      expect(sharing.isUrgent).to.equal(false)
      sharing.want('roster')
      expect(sharing.isUrgent).to.equal(true)
      let found = 0
      let turns = 0
      for (; sharing.isUrgent; turns++) found += sharing.take(100, TURN_MS).length
      expect({ found, isQuick: turns < 30 }).to.deep.equal({ found: 20, isQuick: true })
      // What ended meanwhile is not told as it was.
      sharing.want('all')
      sharing.take(1, TURN_MS)
    } finally {
      one.close()
    }
  })

  it('that was given back comes first, the newest of too much', () => {
    const one = new Side(new FakeStore())
    try {
      const sharing = one.pools.get('p') ?? expect.fail()
      one.pinMany(10)
      const taken = sharing.take(4, TURN_MS)
      sharing.giveBack(taken)
      expect(sharing.backlog).to.deep.equal({ waiting: 10, dropped: 0 })
      expect(sharing.take(4, TURN_MS)).to.deep.equal(taken)
      const many = Array.from({ length: 16_390 }, (_, at) => ({
        kind: 'end' as const,
        pool: 'p',
        key: `${at}`,
        backend: 'a',
      }))
      sharing.giveBack(many)
      expect(sharing.backlog.dropped).to.equal(6)
      expect(sharing.take(1, TURN_MS)).to.deep.equal([many[6]])
    } finally {
      one.close()
    }
  })
})
