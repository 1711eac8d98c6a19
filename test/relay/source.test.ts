import { expect } from 'chai'
import { Balancer, type BalancerOptions, LimpetError } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, whence } from '../helpers/servers.ts'

/** Documentation addresses (RFC 5737, RFC 3849), which no host has. */
const FOREIGN = ['192.0.2.77', '2001:db8::77'] as const

async function failure(promise: Promise<unknown>): Promise<LimpetError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof LimpetError) return error
    throw error
  }
  return expect.fail('nothing was thrown')
}

forEachRelay('source.bind', pair => {
  const visit = async (rig: Rig): Promise<string> => {
    const client = await rig.connect()
    const line = await client.line()
    expect(await client.echo('hello')).to.equal('hello')
    client.finish()
    await client.over()
    return line.split(' ')[0] ?? ''
  }

  it('connects from the addresses in turn, those of the backend’s family', async () => {
    await using four = await Backend.start({ serve: whence })
    await using six = await Backend.start({ serve: whence, host: '::1' })
    const bind = ['127.0.0.21', '::1', '127.0.0.22', '127.0.0.23']
    for (const [backend, wanted] of [
      [four, bind.filter(address => address !== '::1')],
      [six, ['::1']],
    ] as const) {
      await using rig = await Rig.open(pair, { backends: [backend], pool: { source: { bind } } })
      const seen = new Map<string, number>()
      // The relay has several threads, each with a turn of its own.
      for (let n = 0; n < 30; n++) {
        const line = await visit(rig)
        seen.set(line, (seen.get(line) ?? 0) + 1)
      }
      expect([...seen.keys()].sort()).to.deep.equal([...wanted].sort())
      await rig.settle()
      expect(rig.counters).to.include({ opened: 30, endFinished: 30, connectNoLocalPort: 0 })
    }
  })

  it('has nothing to say about unix sockets', async () => {
    await using directory = await Directory.make()
    await using backend = await Backend.start({ path: directory.file('backend'), serve: whence })
    await using rig = await Rig.open(pair, { backends: [backend], pool: { source: { bind: ['127.0.0.21'] } } })
    expect(await visit(rig)).to.equal('undefined')
    await rig.settle()
  })

  it('is refused at start, and by a reload, where this host does not have the address', async () => {
    await using backend = await Backend.start({ serve: whence })
    const options = (...bind: string[]): BalancerOptions => ({
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...pair.listener }],
      pools: { p: { source: { bind }, backends: [{ name: 'a', address: backend.address }] } },
      log: { level: 'error' },
    })
    for (const address of FOREIGN) {
      await using balancer = new Balancer(options('127.0.0.21', address))
      expect(await failure(balancer.listen())).to.include({ code: 'LIMPET_ERR_SOURCE_ADDRESS', address, pool: 'p' })
      expect(balancer.status).to.equal('idle')
    }
    await using balancer = new Balancer(options('127.0.0.21'))
    await balancer.listen()
    const error = await failure(balancer.reload(options(FOREIGN[0])))
    expect(error).to.include({ code: 'LIMPET_ERR_SOURCE_ADDRESS', address: FOREIGN[0] })
    expect(balancer.settings().pools.p?.source.bind).to.deep.equal(['127.0.0.21'])
  })

  it('is another one for new sessions after a reload', async () => {
    await using backend = await Backend.start({ serve: whence })
    await using rig = await Rig.open(pair, { backends: [backend], pool: { source: { bind: ['127.0.0.21'] } } })
    expect(await visit(rig)).to.equal('127.0.0.21')
    await rig.balancer.reload({
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: rig.pool, ...pair.listener }],
      pools: {
        [rig.pool]: {
          stickTable: { size: 10_000 },
          source: { bind: ['127.0.0.22'] },
          backends: [{ name: backend.name, address: backend.address }],
        },
      },
      log: { level: 'error' },
    })
    expect(await visit(rig)).to.equal('127.0.0.22')
    await rig.settle()
  })
})
