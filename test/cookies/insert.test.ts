import { expect } from 'chai'
import { DerivedSecrets } from '../../src/config/secrets.ts'
import { tokenOf } from '../../src/cookies/token.ts'
import type { CookieOptions, PoolOptions } from '../../src/index.ts'
import { Rig } from '../helpers/rig.ts'
import { TEST_MS, until } from '../helpers/wait.ts'
import { AUTO, answerOf, ask, cookieFor, everything, HttpBackend, KEY, NAMES, SECRET, tokens } from './servers.ts'

describe('a cookie of its own (affinity.cookie, insert)', function () {
  this.timeout(TEST_MS)
  const cleanUps: (() => unknown)[] = []
  let backends: HttpBackend[]

  beforeEach(async () => {
    backends = await Promise.all(NAMES.map(name => HttpBackend.start(name)))
    cleanUps.push(...backends.map(backend => () => backend[Symbol.asyncDispose]()))
  })
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })

  async function open(cookie: Partial<CookieOptions> = {}, pool: PoolOptions = {}): Promise<Rig> {
    const rig = await Rig.open(AUTO, {
      backends: backends.map(({ options }) => options),
      pool: { secret: SECRET, boundedLoad: 'off', affinity: { cookie: { mode: 'insert', ...cookie } }, ...pool },
    })
    cleanUps.push(() => rig[Symbol.asyncDispose]())
    return rig
  }

  const reasons = (rig: Rig): Record<string, number> => ({ ...rig.stats.pools[rig.pool]?.decisions })

  it('is set with the first response, and leads back', async () => {
    const rig = await open()
    const { body: home, cookies } = await ask(rig)
    expect(cookies).to.deep.equal([`${cookieFor(home)}; Path=/; SameSite=Lax; HttpOnly`])
    for (const name of NAMES) {
      const { body, cookies: again } = await ask(rig, `x=1; ${cookieFor(name)}; y=2`)
      expect([body, again]).to.deep.equal([name, []])
    }
    expect(reasons(rig)).to.include({ cookie: 3 })
    expect(rig.counters).to.include({ cookiesSet: 1, keyFound: 3, keyMissing: 1 })
    expect(rig.balancer.pool().explain('127.0.0.1').pin?.backend).to.equal(home)
  })

  it('is set anew for as long as it lasts', async () => {
    const rig = await open({ maxAge: '1h', name: 'lb', secure: true, sameSite: 'none', httpOnly: false })
    const { body: home } = await ask(rig)
    const token = tokens.get(home)
    const { cookies } = await ask(rig, `lb=${token}`)
    expect(cookies).to.deep.equal([`lb=${token}; Path=/; Max-Age=3600; SameSite=None; Secure`])
    expect(rig.counters.cookiesSet).to.equal(2)
  })

  it('is ignored and replaced where it is not its own', async () => {
    const rig = await open()
    const { body: home, cookies: right } = await ask(rig)
    const another = tokenOf(new DerivedSecrets(Buffer.from('another secret')).cookie, 'b')
    const gone = tokenOf(KEY, 'd')
    const forged = ['b', '', another, gone, `${tokens.get('b')}x`, tokens.get('b')?.toUpperCase(), 'x'.repeat(4000)]
    for (const value of forged) {
      const { body, cookies } = await ask(rig, `limpet=${value}`)
      expect([body, cookies], value).to.deep.equal([home, right])
    }
    expect(reasons(rig)).to.include({ cookie: 0 })
  })

  it('leads elsewhere, with a new cookie, while its backend is gone, and back when it is there again by the old one', async () => {
    const rig = await open()
    const [a] = backends as [HttpBackend]
    const { port } = a
    await a[Symbol.asyncDispose]()
    const { body: other, cookies } = await ask(rig, cookieFor('a'))
    expect(other).to.be.oneOf(['b', 'c'])
    expect(cookies).to.deep.equal([`${cookieFor(other)}; Path=/; SameSite=Lax; HttpOnly`])
    const back = await HttpBackend.start('a', undefined, port)
    cleanUps.push(() => back[Symbol.asyncDispose]())
    expect((await ask(rig, cookieFor(other))).body).to.equal(other)
    expect((await ask(rig, cookieFor('a'))).body).to.equal('a')
  })

  it('outlives a restart, and the order and the addresses of the backends', async () => {
    const { body: home } = await ask(await open())
    backends.reverse()
    expect((await ask(await open(), cookieFor(home))).body).to.equal(home)
  })

  it('follows backends that are added and removed', async () => {
    const rig = await open()
    await ask(rig)
    const added = await HttpBackend.start('d')
    cleanUps.push(() => added[Symbol.asyncDispose]())
    const pool = rig.balancer.pool()
    pool.add(added.options)
    expect((await ask(rig, `limpet=${tokenOf(KEY, 'd')}`)).body).to.equal('d')
    pool.remove('d')
    expect((await ask(rig, `limpet=${tokenOf(KEY, 'd')}`)).cookies).to.have.length(1)
  })

  it('beats the bound, and clients that drain keep their backend', async () => {
    const rig = await open({}, { boundedLoad: 1 })
    const held = await Promise.all([1, 2, 3, 4].map(() => rig.connect()))
    for (const client of held) {
      await client.send(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${cookieFor('b')}\r\n\r\n`)
      expect(await client.line()).to.equal('HTTP/1.1 200 OK\r')
    }
    expect(rig.loads).to.deep.equal({ a: 0, b: 4, c: 0 })
    rig.balancer.pool().update('b', { state: 'drain' })
    expect((await ask(rig, cookieFor('b'))).body).to.equal('b')
    rig.balancer.pool().update('b', { state: 'drain-hard' })
    expect((await ask(rig, cookieFor('b'))).body).to.be.oneOf(['a', 'c'])
  })

  it('comes before the key of the pool, which decides without one', async () => {
    const affinity = { key: 'http.header:x-user', cookie: { mode: 'insert' }, fallback: 'refuse' } as const
    const rig = await open({}, { affinity })
    const home = rig.balancer.pool().explain(Buffer.from('ann')).home ?? ''
    const away = NAMES.find(name => name !== home) ?? ''
    const say = async (fields: string): Promise<string> => {
      const client = await rig.connect()
      await client.send(`GET / HTTP/1.1\r\nHost: x\r\n${fields}Connection: close\r\n\r\n`)
      return answerOf(await everything(client)).body
    }
    expect(await say('X-User: ann\r\n')).to.equal(home)
    expect(await say(`X-User: ann\r\nCookie: ${cookieFor(away)}\r\n`)).to.equal(away)
    expect(await say(`Cookie: ${cookieFor(away)}\r\n`)).to.equal(away)
    expect(await say('')).to.equal('')
    expect(rig.counters.refusedNoKey).to.equal(1)
    // A key is waited for, in case that the backend cannot be had; nobody is there who has a cookie of one that is not.
    const { accepted } = rig.counters
    const client = await rig.connect()
    await client.send(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${cookieFor(away)}\r\n`)
    await until('it to be there', () => rig.counters.accepted > accepted)
    rig.balancer.pool().update(away, { state: 'maint' })
    await client.send('X-User: ann\r\nConnection: close\r\n\r\n')
    expect(answerOf(await everything(client)).body).to.equal(home)
    expect(await say(`Cookie: ${cookieFor(away)}\r\n`)).to.equal('')
    expect(rig.counters.refusedNoKey).to.equal(2)
  })

  it('is found behind others of its name, as of another domain', async () => {
    const rig = await open()
    const { body: home } = await ask(rig)
    const away = NAMES.find(name => name !== home) ?? ''
    for (const cookies of [
      `limpet=foreign; ${cookieFor(away)}`,
      `limpet=;limpet=foreign\r\nX: y\r\ncookie:limpet = x;x=1; ${cookieFor(away)} `,
    ]) {
      const { body, cookies: set } = await ask(rig, cookies)
      expect([body, set]).to.deep.equal([away, []])
    }
    const many = `${'limpet=foreign; '.repeat(8)}${cookieFor(away)}`
    expect((await ask(rig, many)).cookies).to.have.length(1)
    const client = await rig.connect()
    for (const piece of `GET / HTTP/1.1\r\nHost: x\r\nCookie: limpet=foreign; ${cookieFor(away)}\r\nConnection: close\r\n\r\n`)
      await client.send(piece)
    expect(answerOf(await everything(client)).body).to.equal(away)
  })

  it('waits for a client that says nothing for now', async () => {
    const rig = await open({}, {})
    const client = await rig.connect()
    await until('it to be there', () => rig.stats.sessions === 1)
    // As browsers do: connected at first, used later.
    await client.send(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${cookieFor('b')}\r\nConnection: close\r\n\r\n`)
    expect(answerOf(await everything(client)).body).to.equal('b')
  })

  it('knows a client that is silent for longer than a head may take, and waits for no head for longer', async () => {
    const rig = await Rig.open(AUTO, {
      backends: backends.map(({ options }) => options),
      pool: { secret: SECRET, affinity: { cookie: { mode: 'insert' } } },
      listener: { peek: { timeout: '10ms' } },
    })
    cleanUps.push(() => rig[Symbol.asyncDispose]())
    const [silent, slow] = await Promise.all([rig.connect(), rig.connect()])
    await slow?.send('GET / HTTP/1.1\r\n')
    await until('the slow one to be served', () => rig.counters.opened === 1)
    expect(rig.counters.keyLate).to.equal(1)
    await silent?.send(`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${cookieFor('b')}\r\nConnection: close\r\n\r\n`)
    expect(silent && answerOf(await everything(silent)).body).to.equal('b')
  })
})
