import { expect } from 'chai'
import { Exchange } from '../../src/cluster/exchange.ts'
import { openLink, type StoreLink } from '../../src/cluster/link.ts'
import { PoolSharing } from '../../src/cluster/pool-sharing.ts'
import { readStoreAddress } from '../../src/cluster/store-address.ts'
import { StoreKeys } from '../../src/cluster/store-keys.ts'
import { Traffic } from '../../src/cluster/traffic.ts'
import { resolveOptions } from '../../src/config/resolve.ts'
import { PoolCore } from '../../src/pool/core.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { RedisServer } from '../helpers/redis.ts'

const TURN_MS = 100
const PINS = 2000
/** More than is read in one turn, and less than was told. */
const KEPT = 1100

/** A balancer, as far as the exchange knows of it. */
class Member {
  readonly core: PoolCore
  readonly exchange: Exchange

  constructor(id: string, link: StoreLink) {
    const backends = ['a', 'b'].map(name => ({ name, address: '127.0.0.1:1' }))
    const options = { secret: 'a secret of tests', stickTable: { size: 10_000 }, backends }
    this.core = new PoolCore(resolveOptions({ pools: { p: options } }).pools.get('p') ?? expect.fail())
    const pools = new Map([['p', PoolSharing.of(this.core) ?? expect.fail()]])
    const keys = new StoreKeys({ prefix: 'limpet', name: 'c' }, link.shards)
    this.exchange = new Exchange({ link, keys, id, pools, traffic: new Traffic() })
  }

  pinAway(client: string): void {
    const away = this.core.clientPlace(client)?.home === 'a' ? 'b' : 'a'
    const { index, generation } = this.core.placeOf(away) ?? expect.fail()
    this.core.native.setPin(client, index, generation, 600_000)
  }

  get pins(): number {
    const pins = this.core.pins(2 ** 20)
    return pins('a') + pins('b')
  }

  async exchangeAll(): Promise<void> {
    while ((await this.exchange.turn(TURN_MS)).hasMore);
  }
}

describe('an exchange of exceptions, with a Redis server', () => {
  let directory: Directory
  let server: RedisServer
  let link: StoreLink
  const members: Member[] = []

  before(async function () {
    directory = await Directory.make()
    server = await RedisServer.start(requirePeer(this, 'redis-server'), 'a', directory.path)
    const address = readStoreAddress(`redis://127.0.0.1:${server.port}`)
    if (typeof address === 'string') throw new Error(address)
    const lost = (error: Error): void => expect.fail(error.message)
    link = await openLink(address, { ca: undefined, lost, signal: AbortSignal.timeout(60_000) })
  })

  after(async () => {
    for (const { core } of members) core.close()
    link?.close()
    await server?.[Symbol.asyncDispose]()
    await directory?.[Symbol.asyncDispose]()
  })

  it('reads the keys anew where it was so slow that the stream has forgotten some', async () => {
    const [one, other] = [new Member('one', link), new Member('other', link)]
    members.push(one, other)
    one.pinAway('192.0.2.1')
    await one.exchangeAll()
    await other.exchange.snapshot()
    await other.exchangeAll()
    for (let at = 0; at < PINS; at++) one.pinAway(`10.0.${at >> 8}.${at & 255}`)
    await one.exchangeAll()
    const stream = new StoreKeys({ prefix: 'limpet', name: 'c' }, 1).changes(0)
    await link.call(stream, ['XTRIM', stream, 'MAXLEN', String(KEPT)])
    const { wasBehind } = await other.exchange.turn(TURN_MS)
    expect(wasBehind).to.equal(true)
    await other.exchange.snapshot()
    await other.exchangeAll()
    expect(other.pins).to.equal(PINS + 1)
    expect((await other.exchange.turn(TURN_MS)).wasBehind).to.equal(false)
  })
})
