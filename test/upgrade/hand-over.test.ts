import { closeSync } from 'node:fs'
import { expect } from 'chai'
import { loadConfig } from '../../src/config/load.ts'
import type { BackendInfo, BackendOptions } from '../../src/index.ts'
import { createLog } from '../../src/log/log.ts'
import { Takeover } from '../../src/upgrade/takeover.ts'
import { AdminClient } from '../admin/helpers.ts'
import { soak } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'
import { cleanUp } from '../lifecycle/helpers.ts'
import { openSession, Site, session, WAYS } from './helpers.ts'

async function backendsOf(client: AdminClient): Promise<BackendInfo[]> {
  return ((await client.json('GET', '/v1/pools/p/backends')) as { backends: BackendInfo[] }).backends
}

/** Sessions of the other process, by backend. */
async function inherited(client: AdminClient): Promise<number[]> {
  return (await backendsOf(client)).map(backend => backend.inherited ?? 0)
}

describe('what a process hands over', () => {
  afterEach(cleanUp)

  it('is what was changed of the backends, without a file of state', async () => {
    const site = await Site.make()
    const first = await site.start()
    const client = new AdminClient({ socketPath: site.admin })
    const [b0] = await backendsOf(client)
    await client.json('PATCH', '/v1/pools/p/backends/b0', { body: { weight: 7, state: 'drain' } })
    expect((await client.ask('DELETE', '/v1/pools/p/backends/b1')).status).to.equal(204)
    const added = { name: 'added', address: b0?.address ?? '', weight: 3 }
    await client.json('POST', '/v1/pools/p/backends', { body: added })

    const expectChanged = async (): Promise<void> => {
      const [one, two, ...others] = await backendsOf(client)
      expect(one).to.include({ name: 'b0', weight: 7, state: 'drain' })
      expect(two).to.include(added)
      expect(others).to.deep.equal([])
    }
    const second = await site.start('--takeover')
    expect((await first.exited).code).to.equal(0)
    expect(second.output).to.not.match(/"level":"(warn|error)"/)
    await expectChanged()
    // From one to the next.
    await site.start('--takeover')
    expect((await second.exited).code).to.equal(0)
    await expectChanged()
  })

  it('cannot be changed meanwhile, and can again when the other one gives up', async () => {
    const site = await Site.make()
    const first = await site.start()
    const client = new AdminClient({ socketPath: site.admin })
    await client.json('PUT', '/v1/pools/p/table/pin', { body: { client: '127.0.1.1', backend: 'b0' } })
    const takeover = await Takeover.begin(await loadConfig(site.file), createLog('silent'))
    if (takeover === undefined) throw new Error('the running process is there')
    const writes = [
      ['PATCH', '/v1/pools/p/backends/b0', { weight: 5 }],
      ['POST', '/v1/pools/p/backends', { name: 'c', address: '127.0.0.1:1' }],
      ['DELETE', '/v1/pools/p/backends/b1'],
      ['PUT', '/v1/pools/p/table/pin', { client: '127.0.1.2', backend: 'b0' }],
      ['DELETE', '/v1/pools/p/table/pin?client=127.0.1.1'],
      ['DELETE', '/v1/pools/p/table'],
      ['POST', '/v1/reload', {}],
    ] as const
    for (const [method, path, body] of writes) {
      const { status, text } = await client.ask(method, path, body === undefined ? {} : { body })
      expect([status, text], `${method} ${path}`).to.satisfy(() => status === 409)
      expect(text).to.include('LIMPET_ERR_HANDED_OVER').and.to.include(`process ${process.pid}`)
    }
    await client.json('POST', '/v1/pools/p/plan', { body: { remove: ['b1'] } })
    expect(await client.json('GET', '/v1/pools/p/table/pin?client=127.0.1.1')).to.include({ backend: 'b0' })

    takeover.abandon()
    for (const { fd } of [...takeover.sockets.listeners.values(), takeover.sockets.admin, takeover.own].filter(
      socket => socket !== undefined,
    ))
      closeSync(fd)
    await first.says(' goes on')
    for (const [method, path, body] of writes.slice(0, -1)) {
      const { status, text } = await client.ask(method, path, body === undefined ? {} : { body })
      expect(status, `${method} ${path}: ${text}`).to.be.oneOf([200, 201, 204])
    }
  })

  // Both relays; the soak run has every pair.
  for (const way of WAYS.filter(({ acceptor, relay }) => soak || relay === 'stream' || acceptor === 'native')) {
    it(`is how many sessions are on each backend, until they end (${way.acceptor} acceptor, ${way.relay} relay)`, async () => {
      const site = await Site.make(way)
      const pools = site.config().pools
      const backends = ((pools.p?.backends ?? []) as BackendOptions[]).map(backend => ({ ...backend, maxSessions: 2 }))
      await site.write({ pools: { p: { ...pools.p, backends } } })
      const first = await site.start()
      const client = new AdminClient({ socketPath: site.admin })
      // Without an address, so that each goes to the backend that has fewer.
      const old = []
      for (let at = 0; at < 4; at++) old.push(await openSession({ path: site.unix }))
      const second = await site.start('--takeover')
      expect(await inherited(client)).to.deep.equal([2, 2])
      expect((await backendsOf(client)).map(({ sessions }) => sessions)).to.deep.equal([2, 2])
      // Both are full, wherever their sessions live.
      expect(await session({ path: site.unix }).catch(() => 'refused')).to.be.oneOf(['refused', ''])

      old[0]?.finish()
      await until('one session less', async () => (await inherited(client)).join() === '1,2')
      expect(await session({ path: site.unix })).to.equal('b0')

      // The third one counts what is left in the first, which the second one tells while it has sessions of its own.
      const own = await openSession({ path: site.unix })
      const third = await site.start('--takeover')
      expect(await inherited(client)).to.deep.equal([2, 2])
      own.finish()
      expect((await second.exited).code).to.equal(0)
      await until('the second one to be forgotten', async () => (await inherited(client)).join() === '0,0')
      const again = await openSession({ path: site.unix })
      await first.stop('SIGKILL')
      again.finish()
      expect(await third.stop()).to.deep.equal({ code: 0, signal: null })
    })
  }

  it('is no session of a process that was killed', async () => {
    const site = await Site.make()
    const first = await site.start()
    const client = new AdminClient({ socketPath: site.admin })
    for (let at = 0; at < 3; at++) await openSession({ path: site.unix })
    const second = await site.start('--takeover')
    expect((await inherited(client)).sort()).to.deep.equal([1, 2])
    await first.stop('SIGKILL')
    await until('its sessions to be forgotten', async () => (await inherited(client)).join() === '0,0')
    await second.says('the process that was taken over from has ended')
  })
})
