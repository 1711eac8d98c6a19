import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { clientHello } from '../../src/bench/keys/heads.ts'
import {
  type Balancer,
  type BalancerOptions,
  type LimpetError,
  type ListenerOptions,
  parseConfig,
  type RouteConnection,
  type RouteFunction,
  type RouteOptions,
} from '../../src/index.ts'
import { limpet } from '../cli/helpers.ts'
import { Directory } from '../helpers/directory.ts'
import { followSessions } from '../helpers/follow.ts'
import { type Conn, freePort, toDial } from '../helpers/net.ts'
import { type Backends, named, startBackends } from '../helpers/servers.ts'
import { TEST_MS, until } from '../helpers/wait.ts'
import { ended, NAMES, Opened, PATIENT, routedOptions } from './routed.ts'

/** A line that begins with `to `: the rest of it is the pool. */
const poolOfLine: RouteFunction = head => {
  const text = head.toString()
  if (!'to '.startsWith(text.slice(0, 3))) return undefined
  const end = text.indexOf('\n')
  return end < 0 ? 'more' : text.slice(3, end)
}

const MODULE = `
export const line = ${poolOfLine}
export const always = () => 'b'
`

describe('routes by functions', function () {
  this.timeout(TEST_MS)
  let backends: Backends
  const opened = new Opened()

  before(async () => {
    backends = await startBackends(NAMES, named)
  })
  afterEach(async () => {
    await opened.close()
  })
  after(async () => {
    await backends[Symbol.asyncDispose]()
  })

  const optionsOf = (
    route: RouteOptions[],
    listener?: Partial<ListenerOptions>,
    pools?: Record<string, object>,
  ): BalancerOptions => routedOptions(backends, route, listener, pools)
  const open = (options: Parameters<Opened['open']>[0]): Promise<Balancer> => opened.open(options)
  const connect = (balancer: Balancer): Promise<Conn> => opened.connect(balancer)

  /** Says these parts, and gets them back: from which pool? */
  async function servedBy(balancer: Balancer, ...parts: (string | Buffer)[]): Promise<string> {
    const conn = await connect(balancer)
    for (const part of parts) await conn.send(part)
    const all = Buffer.concat(parts.map(part => Buffer.from(part)))
    const pool = await conn.line()
    expect((await conn.read(all.length)).equals(all), 'every byte comes back').to.equal(true)
    conn.destroy()
    return pool
  }

  it('lead to any pool, at every split of the bytes, and close whom they name none for', async () => {
    const balancer = await open(optionsOf([{ function: poolOfLine }]))
    await using told = followSessions('l')
    const text = 'to b\nhello'
    for (let at = 1; at < 5; at++) expect(await servedBy(balancer, text.slice(0, at), text.slice(at))).to.equal('b')
    expect(await servedBy(balancer, ...text)).to.equal('b')
    expect(await servedBy(balancer, 'to rest\n')).to.equal('rest')
    const other = await connect(balancer)
    await other.send('x')
    expect(await other.over()).to.be.oneOf(['end', 'reset'])
    await ended(balancer)
    const { counters, listeners } = balancer.stats()
    expect(counters).to.include({ refusedNoRoute: 1, keyFailed: 0, opened: 6 })
    expect(listeners.l?.pools).to.deep.equal(NAMES)
    const closed = await told.closed(7)
    expect(new Set(closed.map(({ relay, pool }) => `${relay} ${pool}`))).to.deep.equal(
      new Set(['stream b', 'stream rest', 'stream ']),
    )
  })

  it('stand between entries with conditions, of which each is asked in its turn', async () => {
    const told: RouteConnection[] = []
    const choose: RouteFunction = (head, connection) => {
      told.push(connection)
      const pool = poolOfLine(head, connection)
      head.fill(0)
      return pool
    }
    const balancer = await open(
      optionsOf([
        { sni: 'a.example', pool: 'a' },
        { function: choose },
        { sni: '*.example', pool: 'b' },
        { pool: 'rest' },
      ]),
    )
    expect(await servedBy(balancer, clientHello({ serverName: 'a.example' }))).to.equal('a')
    expect(told, 'who was asked before').to.have.lengthOf(0)
    const hello = clientHello({ serverName: 'x.example' })
    expect(await servedBy(balancer, hello.subarray(0, 20), hello.subarray(20))).to.equal('b')
    expect(await servedBy(balancer, 'to a\n')).to.equal('a')
    expect(await servedBy(balancer, 'GET /')).to.equal('rest')
    const { port } = toDial(balancer.address())
    for (const connection of told) {
      expect(connection).to.deep.include({ clientAddress: '127.0.0.1', listener: 'l', port })
      expect(connection.clientPort).to.be.a('number')
      expect(Object.isFrozen(connection)).to.equal(true)
    }
    await ended(balancer)
  })

  it('are told who the client is behind a proxy, and where it wanted to go', async () => {
    const told: RouteConnection[] = []
    const choose: RouteFunction = (_, connection) => {
      told.push(connection)
      return 'b'
    }
    const proxyProtocol = { accept: true, trust: ['127.0.0.1'] }
    const balancer = await open(optionsOf([{ function: choose }], { proxyProtocol }))
    const conn = await connect(balancer)
    await conn.send('PROXY TCP4 192.0.2.7 192.0.2.9 1111 2222\r\nhello')
    expect(await conn.line()).to.equal('b')
    expect(told).to.deep.equal([{ clientAddress: '192.0.2.7', clientPort: 1111, listener: 'l', port: 2222 }])
  })

  it('go before the keys of the pool that they name', async () => {
    const affinity = { key: ['http.path'], fallback: 'refuse' }
    const byPath: RouteFunction = head => (head.includes('\r\n') ? 'b' : 'more')
    const balancer = await open(optionsOf([{ function: byPath }], {}, { b: { affinity } }))
    expect(await servedBy(balancer, 'GET /room HT', 'TP/1.1\r\n\r\n')).to.equal('b')
    expect(balancer.pool('b').explain(Buffer.from('/room')).pin?.backend).to.equal('b')
    expect(balancer.stats().counters).to.include({ keyFound: 1, keyFailed: 0 })
  })

  const no = new Error('no')
  const FAULTS: [what: string, choose: RouteFunction][] = [
    ['throws', () => assertNever(no)],
    ['rejects', async () => await Promise.reject(no)],
    ['names a pool that is not there', () => 'nowhere'],
    ['answers a number', () => 7 as unknown as string],
    ['answers null late', async () => null as unknown as string],
    ['answers bytes', () => Buffer.from('a') as unknown as string],
  ]
  for (const [what, choose] of FAULTS) {
    it(`are passed over, and counted, where one ${what}`, async () => {
      const balancer = await open(optionsOf([{ function: choose }, { function: poolOfLine }, { pool: 'rest' }]))
      expect(await servedBy(balancer, 'to b\n')).to.equal('b')
      expect(await servedBy(balancer, 'hello')).to.equal('rest')
      expect(balancer.stats().counters).to.include({ keyFailed: 2, refusedNoRoute: 0, opened: 2 })
      await ended(balancer)
    })
  }

  it('hold up nobody but their own client, and are given up when the time is over', async () => {
    const waiting: ((pool: string) => void)[] = []
    const slow: RouteFunction = head =>
      head[0] === 0x73 ? new Promise(resolve => waiting.push(resolve)) : Promise.resolve('a')
    const patient = await open(optionsOf([{ function: slow }]))
    const client = await connect(patient)
    await client.send('slow')
    await until('it to be asked', () => waiting.length === 1)
    expect(await servedBy(patient, 'quick')).to.equal('a')
    waiting[0]?.('b')
    expect(await client.line()).to.equal('b')
    const hasty = await open(optionsOf([{ function: slow }, { pool: 'rest' }], { peek: { timeout: '20ms' } }))
    expect(await servedBy(hasty, 'slow')).to.equal('rest')
    waiting[1]?.('b')
    expect(hasty.stats().counters).to.include({ keyFailed: 1, opened: 1 })
  })

  it('are asked about a client who says nothing when the time is over, as where the server speaks first', async () => {
    const route: RouteOptions[] = [{ function: head => (head.length === 0 ? 'b' : 'more') }, { pool: 'rest' }]
    const hasty = await open(optionsOf(route, { peek: { timeout: '20ms' } }))
    const silent = await connect(hasty)
    expect(await silent.line()).to.equal('b')
    // As many as may be looked at: more is in vain.
    const patient = await open(optionsOf(route, { peek: { ...PATIENT, bytes: 16 } }))
    expect(await servedBy(patient, 'x'.repeat(100))).to.equal('rest')
    expect(patient.stats().counters.keyFailed).to.equal(0)
  })

  it('change with a reload, for those who come then', async () => {
    const bind = `127.0.0.1:${await freePort()}`
    const balancer = await open(optionsOf([{ function: poolOfLine }], { bind }))
    const halfway = await connect(balancer)
    await halfway.send('to ')
    await until('it to be there', () => balancer.stats().sessions === 1)
    const { settings } = await balancer.reload(optionsOf([{ function: () => 'rest' }], { bind }))
    expect(settings.map(({ path }) => path)).to.deep.equal(['listeners.l.route[0].function'])
    expect(await servedBy(balancer, 'to b\n')).to.equal('rest')
    await halfway.send('b\n')
    expect(await halfway.line()).to.equal('b')
    // A pool that comes later can be named at once, by the same function.
    const same: RouteFunction = () => 'later'
    await balancer.reload(optionsOf([{ function: same }, { pool: 'rest' }], { bind }))
    expect(await servedBy(balancer, 'x')).to.equal('rest')
    const next = optionsOf([{ function: same }, { pool: 'rest' }], { bind })
    await balancer.reload({ ...next, pools: { ...next.pools, later: next.pools.b ?? {} } })
    expect(await servedBy(balancer, 'x')).to.equal('b')
    expect(balancer.settings().listeners[0]?.route?.[0]).to.deep.equal({ function: '[Function same]' })
  })

  it('exclude the native acceptor, and one that is open becomes no other', async function () {
    if (process.platform !== 'linux') this.skip()
    const bind = `127.0.0.1:${await freePort()}`
    const balancer = await open(optionsOf([{ pool: 'rest' }], { bind }))
    const error = await balancer
      .reload(optionsOf([{ function: poolOfLine }], { bind }))
      .catch((caught: unknown) => caught)
    expect((error as LimpetError).code).to.equal('LIMPET_ERR_NEEDS_RESTART')
    expect(await servedBy(balancer, 'to b\n')).to.equal('rest')
  })

  describe('in modules', () => {
    let directory: Directory
    before(async () => {
      directory = await Directory.make()
      await writeFile(directory.file('route.mjs'), MODULE)
    })
    after(async () => {
      await directory[Symbol.asyncDispose]()
    })

    const textOf = (module: string, bind = '127.0.0.1:0', acceptor: 'auto' | 'native' = 'auto'): string =>
      JSON.stringify(optionsOf([{ module }, { pool: 'rest' }], { bind, acceptor }))
    const read = (module: string, bind?: string): ReturnType<typeof parseConfig> =>
      parseConfig(textOf(module, bind), { directory: directory.path })

    it('are loaded by listen() and by a reload, which takes another one for those who come then', async () => {
      const bind = `127.0.0.1:${await freePort()}`
      const balancer = await open(read('./route.mjs#line', bind))
      expect(await servedBy(balancer, 'to a\n')).to.equal('a')
      await balancer.reload(read('./route.mjs#always', bind))
      expect(await servedBy(balancer, 'to a\n')).to.equal('b')
      const error = await balancer.reload(read('./gone.mjs#line', bind)).catch((caught: unknown) => caught)
      expect((error as LimpetError).code).to.equal('LIMPET_ERR_CONFIG')
      expect(await servedBy(balancer, 'to a\n')).to.equal('b')
    })

    it('are checked, with what is wrong at its place', async () => {
      const file = directory.file('limpet.yaml')
      const check = async (...settings: Parameters<typeof textOf>): Promise<Awaited<ReturnType<typeof limpet>>> => {
        await writeFile(file, textOf(...settings))
        return await limpet(['check', '-c', file, '--json'])
      }
      const good = await check('./route.mjs#line')
      expect(good.status, good.stdout).to.equal(0)
      expect(JSON.parse(good.stdout).warnings.join()).not.to.match(/no listener sends clients/)
      const [bad] = JSON.parse((await check('./route.mjs#gone')).stdout).problems
      expect(bad).to.include({ code: 'LIMPET_ERR_KEY_MODULE', path: 'listeners[0].route[0].module', line: 1 })
      const [native] = JSON.parse((await check('./route.mjs#line', undefined, 'native')).stdout).problems
      expect(native).to.include({ code: 'LIMPET_ERR_CONFIG', path: 'listeners[0].acceptor' })
    })
  })
})

function assertNever(error: Error): never {
  throw error
}
