import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect } from 'chai'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { BalancerOptions } from '../../src/index.ts'
import { limpet } from '../cli/helpers.ts'
import { Directory } from '../helpers/directory.ts'
import { LimpetRun } from '../helpers/limpet-run.ts'
import { clientAddress, freePort } from '../helpers/net.ts'
import { requirePeer } from '../helpers/peers.ts'
import { RedisClient, RedisServer } from '../helpers/redis.ts'
import { TEST_MS, TIMEOUT_MS, until } from '../helpers/wait.ts'

const NAMES = ['a', 'b', 'c'] as const
const CLIENTS = 40

// The afternoon that README's "Operating" tells of, with its commands, and the page in a browser beside them.
describe('operating three Redis servers', function () {
  this.timeout(TEST_MS)
  const cleanUps: (() => unknown)[] = []
  let servers: RedisServer[]
  let directory: Directory
  let file: string
  let socket: string
  let port: number
  let browser: Browser

  before(async function () {
    const redis = requirePeer(this, 'redis-server')
    const executablePath = requirePeer(this, 'chromium')
    directory = await Directory.make()
    cleanUps.push(() => directory[Symbol.asyncDispose]())
    servers = await Promise.all(NAMES.map(name => RedisServer.start(redis, name, directory.path)))
    for (const server of servers) cleanUps.push(() => server[Symbol.asyncDispose]())
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: TIMEOUT_MS })
    cleanUps.push(() => browser.close())
    file = directory.file('limpet.yaml')
    socket = directory.file('admin.sock')
    port = await freePort()
  })

  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
  })

  function config(maxSessions: number): BalancerOptions {
    const backends = servers.map(({ name, address }) => ({ name, address, maxSessions }))
    return {
      listeners: [{ name: 'redis', bind: `127.0.0.1:${port}`, pool: 'redis' }],
      pools: {
        redis: {
          secret: 'a secret of tests',
          boundedLoad: 'off',
          returnHome: 'next-connect',
          health: { type: 'redis', timeout: '10s' },
          stickTable: { size: 10_000, file: directory.file('redis.table') },
          backends,
        },
      },
      admin: { listen: `unix:${socket}` },
      state: directory.file('state.json'),
      shutdownTimeout: '60s',
    }
  }

  async function told(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await limpet([...args, '--admin', `unix:${socket}`])
    expect({ status, stderr }, args.join(' ')).to.deep.equal({ status: 0, stderr: '' })
    return stdout
  }

  const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await told(...args, '--json')) as T

  /** A client that knows whom it met. */
  async function meet(n: number): Promise<[RedisClient, string]> {
    const client = await RedisClient.open({ host: '127.0.0.1', port, localAddress: clientAddress(n) })
    const name = await client.command('GET', 'name')
    if (typeof name !== 'string') throw new Error(`client ${n} was answered ${String(name)}`)
    return [client, name]
  }

  /** It leaves as it should, without an error. */
  async function leave(client: RedisClient): Promise<void> {
    expect(await client.command('QUIT')).to.equal('OK')
    client.conn.finish()
    await client.conn.closed
    expect(client.conn.error).to.equal(undefined)
  }

  async function visit(n: number): Promise<string> {
    const [client, name] = await meet(n)
    await leave(client)
    return name
  }

  const everyone = async (): Promise<string[]> => await Promise.all(Array.from({ length: CLIENTS }, (_, n) => visit(n)))

  /** The page, as a browser sees it through `ssh -L`: a port that leads to the socket. */
  async function openDashboard(): Promise<Page> {
    const way = createServer(from => {
      const to = connect(socket)
      from.pipe(to).pipe(from)
      from.on('error', () => to.destroy())
      to.on('error', () => from.destroy())
    })
    way.listen(0, '127.0.0.1')
    await once(way, 'listening')
    cleanUps.push(() => way.close())
    const page = await browser.newPage()
    page.setDefaultTimeout(TIMEOUT_MS)
    await page.goto(`http://127.0.0.1:${(way.address() as AddressInfo).port}/`)
    return page
  }

  it('maintenance, a changed file, an upgrade and a crash leave every client at its home', async () => {
    await LimpetRun.write(file, config(500))
    await using first = await LimpetRun.start(file)
    const homes = await everyone()
    expect(new Set(homes)).to.deep.equal(new Set(NAMES))
    const atHome = async (what: string): Promise<void> => {
      expect(await everyone(), what).to.deep.equal(homes)
    }
    const [resident] = await meet(homes.indexOf('a'))

    // What would move, before anything is done.
    interface Plan {
      homesMoved: number
      pinsMoved: number
      sessionsMoved: number
    }
    const plan = await json<Plan>('plan', '--remove', 'a')
    expect(plan.pinsMoved).to.equal(homes.filter(home => home === 'a').length)
    expect(plan.sessionsMoved).to.equal(1)

    // Out for maintenance, watched on the page.
    const page = await openDashboard()
    const badge = page.getByRole('listitem', { name: 'Backend a', exact: true }).locator('.badge')
    const shows = async (state: string): Promise<void> => await badge.getByText(state, { exact: true }).waitFor()
    await shows('up')
    await told('backends', 'drain', 'a')
    await shows('drain')
    expect(await resident.command('GET', 'name'), 'a session goes on').to.equal('a')
    await atHome('clients that are known, while it drains')
    await leave(resident)
    interface Backend {
      name: string
      sessions: number
      maxSessions: number
    }
    const backendA = async (): Promise<Backend | undefined> =>
      (await json<Backend[]>('backends', 'list')).find(({ name }) => name === 'a')
    await until('its sessions to have ended', async () => (await backendA())?.sessions === 0)
    await told('backends', 'maint', 'a')
    await shows('maint')
    const meanwhile = await everyone()
    for (const [n, home] of homes.entries()) {
      if (home === 'a') expect(meanwhile[n], `client ${n}`).to.be.oneOf(['b', 'c'])
      else expect(meanwhile[n], `client ${n}`).to.equal(home)
    }

    // Back again, and its clients with it.
    await told('backends', 'ready', 'a')
    await shows('up')
    await atHome('after the maintenance')

    // Another file.
    await LimpetRun.write(file, config(400))
    await told('reload')
    expect((await backendA())?.maxSessions).to.equal(400)
    await told('config', 'diff', '-c', file, '--exit-code')
    await atHome('after the reload')

    // Another version in the place of this one, under a client that stays connected.
    const [guest, guestHome] = await meet(0)
    await using second = await LimpetRun.start(file, ['--takeover'])
    await first.says('"msg":"taken over"')
    await atHome('after the upgrade')
    expect(await guest.command('GET', 'name'), 'a session of the old one').to.equal(guestHome)
    await leave(guest)
    expect(await first.exited).to.deep.equal({ code: 0, signal: null })

    // Who is not at home by an operator's word is remembered through a crash, too.
    const moved = homes.indexOf('b')
    await told('table', 'set', clientAddress(moved), 'c')
    await second.stop('SIGKILL')
    await using third = await LimpetRun.start(file)
    const pin = await json<{ backend: string }>('table', 'get', clientAddress(moved))
    expect(pin.backend).to.equal('c')
    await atHome('after the crash')
    expect(await third.stop()).to.deep.equal({ code: 0, signal: null })
  })
})
