import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { expect } from 'chai'
import type { BackendInfo } from '../../src/index.ts'
import { AdminClient } from '../admin/helpers.ts'
import { cleanUp } from '../lifecycle/helpers.ts'
import { echoes, openSession, Site, serves, WAYS } from './helpers.ts'

/** Whose admin API answers. */
async function pidOf(site: Site): Promise<number> {
  const client = new AdminClient({ socketPath: site.admin })
  return ((await client.json('GET', '/v1/status')) as { pid: number }).pid
}

describe('limpet run --takeover', () => {
  afterEach(cleanUp)

  for (const way of WAYS) {
    it(`goes on with the sockets of the running process, which ends when its sessions have (${way.acceptor} acceptor, ${way.relay} relay)`, async () => {
      const site = await Site.make(way)
      const first = await site.start()
      const dials = [first.dial('tcp'), first.dial('unix')]
      const old = await Promise.all(dials.map(openSession))

      const second = await site.start('--takeover')
      await first.says('"msg":"taken over"')
      expect(second.dial('tcp')).to.deep.equal(first.dial('tcp'))
      expect(await pidOf(site)).to.equal(second.pid)
      for (const session of old) expect(await echoes(session, 'still here')).to.equal(true)
      for (const dial of dials) expect(await serves(dial)).to.equal(true)
      for (const session of old) session.finish()
      expect(await first.exited).to.deep.equal({ code: 0, signal: null })

      // Nothing of what the second one has was taken away.
      for (const path of [site.unix, site.admin, `${site.admin}.takeover`])
        expect(existsSync(path), path).to.equal(true)
      for (const dial of dials) expect(await serves(dial)).to.equal(true)
      const third = await site.start('--takeover')
      expect((await second.exited).code).to.equal(0)
      expect(await pidOf(site)).to.equal(third.pid)
      for (const dial of dials) expect(await serves(dial)).to.equal(true)
      expect(await third.stop()).to.deep.equal({ code: 0, signal: null })
      for (const path of [site.unix, site.admin, `${site.admin}.takeover`])
        expect(existsSync(path), path).to.equal(false)
    })
  }

  it('takes pins over, those of clients that are not at home, too', async () => {
    const site = await Site.make()
    const first = await site.start()
    const client = new AdminClient({ socketPath: site.admin })
    const homes = new Map<string, string>()
    for (let at = 1; at <= 40; at++) {
      const key = `127.0.1.${at}`
      const backend = at % 2 === 0 ? 'b0' : 'b1'
      await client.json('PUT', '/v1/pools/p/table/pin', { body: { client: key, backend } })
      homes.set(key, backend)
    }
    await site.start('--takeover')
    expect((await first.exited).code).to.equal(0)
    for (const [key, backend] of homes) {
      const pin = (await client.json('GET', `/v1/pools/p/table/pin?client=${key}`)) as { backend: string }
      expect(pin.backend, key).to.equal(backend)
    }
  })

  it('leaves the running process alone when it cannot start', async () => {
    const site = await Site.make()
    const first = await site.start()
    const taken = first.dial('tcp')
    await site.write({
      listeners: [
        site.listener('tcp', '127.0.0.1:0'),
        site.listener('unix', `unix:${site.unix}`),
        site.listener('new', `127.0.0.1:${'port' in taken ? taken.port : 0}`),
      ],
    })
    const { code, output } = await site.startInVain('--takeover')
    expect(code).to.equal(1)
    expect(output).to.include('EADDRINUSE')
    await first.says('the other process gave up')
    for (const name of ['tcp', 'unix']) expect(await serves(first.dial(name))).to.equal(true)
    expect(await pidOf(site)).to.equal(first.pid)
    // A stop is a whole one again.
    expect(await first.stop()).to.deep.equal({ code: 0, signal: null })
    for (const path of [site.unix, site.admin]) expect(existsSync(path), path).to.equal(false)
  })

  it('takes what has the same address, and leaves the rest to the running process', async () => {
    const site = await Site.make()
    const first = await site.start()
    const other = site.directory.file('other.sock')
    await site.write({
      listeners: [site.listener('renamed', `unix:${site.unix}`), site.listener('more', `unix:${other}`)],
    })
    const second = await site.start('--takeover')
    expect((await first.exited).code).to.equal(0)
    expect(await serves({ path: site.unix })).to.equal(true)
    expect(await serves({ path: other })).to.equal(true)
    expect(second.output).to.include('"listener":"renamed"')
    const refused = await openSession(first.dial('tcp')).catch((error: NodeJS.ErrnoException) => error.code)
    expect(refused).to.equal('ECONNREFUSED')
  })

  it('says so when nobody runs, or nobody could wait', async () => {
    const site = await Site.make()
    expect(await site.startInVain('--takeover')).to.satisfy(
      ({ code, output }: { code: number; output: string }) => code === 1 && output.includes('start without --takeover'),
    )
    await site.write({ admin: { listen: '127.0.0.1:0', token: { value: 'x'.repeat(40) } } as never })
    const { output } = await site.startInVain('--takeover')
    expect(output).to.include('admin')
  })

  it('gets the files of the running process, once that has left them', async () => {
    const site = await Site.make()
    const [state, file] = [site.directory.file('state.json'), site.directory.file('pins')]
    const pools = { p: { ...site.config().pools.p, stickTable: { size: 1000, file } } }
    await site.write({ state, pools })
    const first = await site.start()
    const client = new AdminClient({ socketPath: site.admin })
    await client.json('PATCH', '/v1/pools/p/backends/b0', { body: { weight: 7 } })
    for (const key of ['127.0.1.1', '127.0.1.2']) {
      await client.json('PUT', '/v1/pools/p/table/pin', { body: { client: key, backend: 'b1' } })
    }
    const expectKept = async (): Promise<void> => {
      const { backends } = (await client.json('GET', '/v1/pools/p/backends')) as { backends: BackendInfo[] }
      expect(backends.find(({ name }) => name === 'b0')?.weight).to.equal(7)
      for (const key of ['127.0.1.1', '127.0.1.2']) {
        expect(await client.json('GET', `/v1/pools/p/table/pin?client=${key}`)).to.include({ backend: 'b1' })
      }
    }

    // One that cannot start has changed nothing.
    await site.write({ state, pools, listeners: [site.listener('other', first.address('tcp'))] })
    expect((await site.startInVain('--takeover')).code).to.equal(1)
    expect(existsSync(`${file}.next`)).to.equal(false)
    await expectKept()

    await site.write({ state, pools })
    const second = await site.start('--takeover')
    expect((await first.exited).code).to.equal(0)
    expect(second.output).to.not.include('"level":"error"')
    expect(existsSync(`${file}.next`)).to.equal(false)
    await expectKept()
    await client.json('PUT', '/v1/pools/p/table/pin', { body: { client: '127.0.1.3', backend: 'b0' } })

    // Killed: what it has is in the files, which are its own now.
    await second.stop('SIGKILL')
    await site.start()
    await expectKept()
    expect(await client.json('GET', '/v1/pools/p/table/pin?client=127.0.1.3')).to.include({ backend: 'b0' })
  })

  it('is for the same user only, one process at a time, and harmless when it is broken off', async () => {
    const site = await Site.make()
    const first = await site.start()
    const path = `${site.admin}.takeover`
    expect(statSync(path).mode & 0o777).to.equal(0o600)
    const one = connect({ path })
    const [offer] = (await once(one, 'data')) as [Buffer]
    expect(offer.toString()).to.include('"limpet":"takeover"')
    const other = connect({ path })
    const [refusal] = (await once(other, 'data')) as [Buffer]
    expect(refusal.toString()).to.include('"refused":"another process is taking over"')
    // What is no message ends it.
    one.write('no JSON\n')
    await once(one, 'close')
    for (const name of ['tcp', 'unix']) expect(await serves(first.dial(name))).to.equal(true)
    await site.start('--takeover')
    expect((await first.exited).code).to.equal(0)
  })
})
