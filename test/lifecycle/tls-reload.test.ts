import { X509Certificate } from 'node:crypto'
import { copyFile, rename } from 'node:fs/promises'
import { expect } from 'chai'
import type { BalancerOptions } from '../../src/index.ts'
import { Balancer } from '../../src/index.ts'
import { Certificates } from '../helpers/certificates.ts'
import { toDial } from '../helpers/net.ts'
import { Backend } from '../helpers/servers.ts'
import { TlsClient } from '../helpers/tls-client.ts'
import { TEST_MS, until, within } from '../helpers/wait.ts'

describe('certificates that change', function () {
  this.timeout(TEST_MS)
  let made: Certificates
  let backend: Backend

  beforeEach(async function () {
    made = await Certificates.make(this)
    backend = await Backend.start()
    for (const name of ['ca', 'other', 'old', 'new']) await made.add(name, { names: [`${name}.test`] })
    await made.add('alice', { by: 'ca' })
    await use('old')
  })

  afterEach(async () => {
    await made?.[Symbol.asyncDispose]()
    await backend?.[Symbol.asyncDispose]()
  })

  /** Puts a certificate and its key where the listener has its own; of two files the second a moment later. */
  async function use(name: string): Promise<void> {
    for (const [from, to] of [
      [made.cert(name), made.cert('used')],
      [made.key(name), made.key('used')],
    ] as const) {
      await copyFile(from, `${to}.next`)
      await rename(`${to}.next`, to)
    }
  }

  async function serialOf(name: string): Promise<string> {
    return new X509Certificate(await made.pem(name)).serialNumber
  }

  function options(clientCa?: string): BalancerOptions {
    const tls = { certificates: [made.pair('used')], ...(clientCa === undefined ? {} : { clientCa }) }
    return {
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', tls }],
      pools: { p: { secret: 'long enough', backends: [{ name: 'a', address: backend.address }] } },
      log: { level: 'silent' },
    }
  }

  const seen = async (balancer: Balancer): Promise<string> => {
    const client = await TlsClient.open(toDial(balancer.address()))
    const { serial } = client
    client.destroy()
    return serial
  }

  it('are shown to new clients when their files have changed, and no session is lost', async () => {
    await using balancer = new Balancer(options())
    await balancer.listen()
    const client = await TlsClient.open(toDial(balancer.address()))
    expect(client.serial).to.equal(await serialOf('old'))
    await use('new')
    const next = await serialOf('new')
    await until('the new certificate', async () => (await seen(balancer)) === next)
    expect(await client.echo('still here')).to.equal('still here')
    client.destroy()
  })

  it('are shown from a reload on, at once; one that is broken is refused, and changes nothing', async () => {
    await using balancer = new Balancer(options())
    await balancer.listen()
    const client = await TlsClient.open(toDial(balancer.address()))
    await use('new')
    await balancer.reload(options())
    expect(await seen(balancer)).to.equal(await serialOf('new'))
    await copyFile(made.key('old'), made.key('used'))
    const error = await balancer.reload(options()).then(
      () => expect.fail('it was taken'),
      (reason: { problems: { code: string; path: string }[] }) => reason,
    )
    expect(error.problems).to.have.lengthOf(1)
    expect(error.problems[0]).to.include({
      code: 'LIMPET_ERR_TLS_FILE',
      path: 'listeners[0].tls.certificates[0].key',
    })
    expect(await client.echo('still here')).to.equal('still here')
    client.destroy()
  })

  it('let sessions be resumed after a reload, unless other CAs of clients are trusted since', async () => {
    await using balancer = new Balancer(options(made.cert('ca')))
    await balancer.listen()
    const files = { cert: await made.pem('alice'), key: await made.pemKey('alice'), maxVersion: 'TLSv1.2' } as const
    const first = await TlsClient.open(toDial(balancer.address()), files)
    expect(await first.echo('x')).to.equal('x')
    const session = first.tls.getSession()
    first.destroy()
    await use('new')
    await balancer.reload(options(made.cert('ca')))
    const second = await TlsClient.open(toDial(balancer.address()), { session, maxVersion: 'TLSv1.2' })
    expect(second.tls.isSessionReused()).to.equal(true)
    expect(await second.echo('x'), 'a ticket is as good as a certificate').to.equal('x')
    second.destroy()
    await balancer.reload(options(made.cert('other')))
    const third = await TlsClient.start(toDial(balancer.address()), { session, ...files })
    third.tls.resume()
    await within('the end', Promise.race([third.closed, new Promise(resolve => third.tls.once('end', resolve))]))
    expect(balancer.stats().counters.refusedTls).to.equal(1)
    third.destroy()
  })

  it('cannot be taken away by a reload', async () => {
    await using balancer = new Balancer(options())
    await balancer.listen()
    const [listener] = options().listeners ?? []
    const without = {
      ...options(),
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...listener, tls: 'off' }],
    }
    const code = await balancer.reload(without as BalancerOptions).then(
      () => undefined,
      (error: { code: string }) => error.code,
    )
    expect(code).to.equal('LIMPET_ERR_NEEDS_RESTART')
  })
})
