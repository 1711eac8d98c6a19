import type { IncomingMessage, ServerResponse } from 'node:http'
import { expect } from 'chai'
import type { PoolOptions } from '../../src/index.ts'
import { type Conn, clientAddress } from '../helpers/net.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend } from '../helpers/servers.ts'
import { TEST_MS, until } from '../helpers/wait.ts'
import { AUTO, answerOf, everything, HttpBackend } from './servers.ts'

const NAMES = ['a', 'b', 'c']

/** Logs in whoever asks for `/login/ID`; greets with its name otherwise. */
function application({ url = '' }: IncomingMessage, response: ServerResponse, name: string): void {
  const [, id] = /^\/login\/(\w+)$/.exec(url) ?? []
  if (id !== undefined) response.setHeader('Set-Cookie', ['theme=dark', `JSESSIONID=${id}; Path=/; HttpOnly`])
  if (url === '/logout') response.setHeader('Set-Cookie', 'JSESSIONID=; Max-Age=0')
  response.end(`${name}\n`)
}

describe('a cookie of the application that is learnt (affinity.cookie, learn)', function () {
  this.timeout(TEST_MS)
  const cleanUps: (() => unknown)[] = []
  let backends: HttpBackend[]

  beforeEach(async () => {
    backends = await Promise.all(NAMES.map(name => HttpBackend.start(name, application)))
    cleanUps.push(...backends.map(backend => () => backend[Symbol.asyncDispose]()))
  })
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })

  async function open(pool: PoolOptions = {}): Promise<Rig> {
    const rig = await Rig.open(AUTO, {
      backends: backends.map(({ options }) => options),
      pool: { boundedLoad: 'off', affinity: { cookie: { mode: 'learn', name: 'JSESSIONID' } }, ...pool },
    })
    cleanUps.push(() => rig[Symbol.asyncDispose]())
    return rig
  }

  /** Asks once, from an address, on a connection of its own; the name of who answers. */
  async function ask(rig: Rig, path: string, from: number, session?: string): Promise<string> {
    const client = await rig.connect({ localAddress: clientAddress(from) })
    const field = session === undefined ? '' : `Cookie: JSESSIONID=${session}\r\n`
    await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n${field}Connection: close\r\n\r\n`)
    return answerOf(await everything(client)).body.trim()
  }

  /** Asks for more on a connection that is kept alive. */
  async function further(client: Conn, path: string): Promise<string> {
    await client.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    let line = await client.line()
    const [, length] = (await headOf(client, line)).match(/content-length: (\d+)/i) ?? []
    line = (await client.read(Number(length))).toString()
    return line.trim()
  }

  async function headOf(client: Conn, first: string): Promise<string> {
    const lines = [first]
    for (let line = await client.line(); line !== '\r'; line = await client.line()) lines.push(line)
    return lines.join('\n')
  }

  /** An address whose home is another backend. */
  function stranger(rig: Rig, backend: string): number {
    for (let number = 1; number < 100; number++)
      if (rig.balancer.pool().explain(clientAddress(number)).home !== backend) return number
    throw new Error('all addresses have one home')
  }

  it('leads back to who has set it, from wherever the client comes', async () => {
    const rig = await open()
    const home = await ask(rig, '/login/7F3A', 1)
    const elsewhere = stranger(rig, home)
    expect(await ask(rig, '/', elsewhere)).to.not.equal(home)
    expect(await ask(rig, '/', elsewhere, '7F3A')).to.equal(home)
    expect(rig.counters).to.include({ cookiesLearnt: 1, cookiesUnread: 0, cookiesSet: 0 })
    expect(rig.balancer.pool().explain(Buffer.from('7F3A')).pin?.backend).to.equal(home)
  })

  it('is learnt from any response of a connection that is kept alive', async () => {
    const rig = await open()
    const client = await rig.connect({ localAddress: clientAddress(1) })
    const home = await further(client, '/')
    expect(await further(client, '/login/9B')).to.equal(home)
    expect(await further(client, '/')).to.equal(home)
    expect(await ask(rig, '/', stranger(rig, home), '9B')).to.equal(home)
    expect(rig.counters).to.include({ cookiesLearnt: 1, cookiesUnread: 0 })
  })

  it('is not made up by a client: an unknown one decides nothing', async () => {
    const rig = await open()
    const { home } = rig.balancer.pool().explain(clientAddress(1))
    expect(await ask(rig, '/', 1, 'unknown')).to.equal(home)
    expect(rig.balancer.pool().explain(Buffer.from('unknown')).pin).to.equal(undefined)
    expect(await ask(rig, '/logout', 1)).to.equal(home)
    expect(rig.counters.cookiesLearnt).to.equal(0)
  })

  it('leads elsewhere once its backend is gone, and stays there', async () => {
    const rig = await open()
    const home = await ask(rig, '/login/7F3A', 1)
    await backends.find(({ name }) => name === home)?.[Symbol.asyncDispose]()
    const other = await ask(rig, '/', 1, '7F3A')
    expect(other).to.not.equal(home)
    expect(await ask(rig, '/', stranger(rig, other), '7F3A')).to.equal(other)
  })

  it('is let go with its pin', async () => {
    const rig = await open()
    const home = await ask(rig, '/login/7F3A', 1)
    const elsewhere = stranger(rig, home)
    const { key } = rig.balancer.pool().explain(Buffer.from('7F3A'))
    expect(rig.balancer.pool().table.delete(key)).to.equal(true)
    expect(await ask(rig, '/', elsewhere, '7F3A')).to.not.equal(home)
  })

  it('goes on with a session that it cannot read, and counts it', async () => {
    const echoing = await Backend.start({ name: 'a' })
    cleanUps.push(() => echoing[Symbol.asyncDispose]())
    const rig = await Rig.open(AUTO, {
      backends: [echoing],
      pool: { affinity: { cookie: { mode: 'learn', name: 'sid' } } },
    })
    cleanUps.push(() => rig[Symbol.asyncDispose]())
    const client = await rig.connect()
    for (const text of ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'HTTP/1.1 200 OK\r\nSet-Cookie: sid=1\r\n\r\n'])
      expect(await client.echo(text)).to.equal(text)
    client.finish()
    expect(await client.over()).to.equal('end')
    expect(rig.counters).to.include({ cookiesLearnt: 0, cookiesUnread: 1 })
    await until('it to be over', () => rig.counters.endFinished === 1)
    await rig.settle()
  })
})
