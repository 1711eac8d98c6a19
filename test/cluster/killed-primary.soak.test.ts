import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { Balancer, type BalancerOptions } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { LimpetRun } from '../helpers/limpet-run.ts'
import { clientAddress, type Dial, toDial } from '../helpers/net.ts'
import { requirePeer } from '../helpers/peers.ts'
import { Children } from '../helpers/processes.ts'
import { until } from '../helpers/wait.ts'
import { Sentinels } from './sentinels.ts'

const EARLY = 2000
const LATE = 300
/** Between the end of the primary and that of the balancer. Mostly there is no other primary by then. */
const BETWEEN_MS = 1000

describe('a primary that is killed, and a balancer a second later', () => {
  it('leave every client its backend, but for exceptions that nobody could be told', async function () {
    const program = requirePeer(this, 'redis-server')
    await using directory = await Directory.make()
    await using sentinels = await Sentinels.start(program, directory)
    await using children = await Children.start(['backends', 'clients'])
    const [servers, clients] = children.all
    const backends = await servers.call<{ name: string; address: string }[]>('start', ['a', 'b', 'c', 'd'])
    /** Where one backend takes no new clients, those of it are sent elsewhere; no home differs by that. */
    const configOf = (state: 'ready' | 'drain'): BalancerOptions => ({
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }],
      pools: {
        p: {
          ...{ secret: 'a secret of tests', boundedLoad: 'off', health: 'off', stickTable: { size: 100_000 } },
          backends: backends.map(backend => ({ ...backend, state: backend.name === 'd' ? state : 'ready' })),
        },
      },
      cluster: { url: sentinels.url, startTimeout: '60s' },
      log: { level: 'error', sessions: 'off' },
    })
    const arrive = async (dial: Dial, addresses: readonly string[]): Promise<Map<string, string>> => {
      const dials = addresses.map(localAddress => ({ ...dial, localAddress }))
      const names = await clients.call<string[]>('visit', dials)
      return new Map(addresses.map((address, at) => [address, names[at] ?? '']))
    }
    const file = directory.file('limpet.yaml')
    await LimpetRun.write(file, { ...configOf('drain'), log: { level: 'info', sessions: 'off' } })
    await using killed = await LimpetRun.start(file)
    const balancers = [new Balancer(configOf('ready')), new Balancer(configOf('ready'))] as const
    const [other, third] = balancers
    try {
      await other.listen()
      const early = await arrive(
        killed.dial('l'),
        Array.from({ length: EARLY }, (_, at) => clientAddress(at)),
      )
      const isAway = ([address, name]: [string, string]): boolean => other.pool().explain(address).home !== name
      const away = [...early].filter(isAway)
      expect(away).to.have.length.above(EARLY / 10)
      const knows = (at: Balancer): Promise<void> =>
        until(
          'exceptions to be known',
          () => away.every(([address, name]) => at.pool().table.get(address)?.backend === name),
          () => at.stats().cluster,
        )
      await knows(other)

      await sentinels.primary.kill()
      const late = await arrive(
        killed.dial('l'),
        Array.from({ length: LATE }, (_, at) => clientAddress(EARLY + at)),
      )
      await sleep(BETWEEN_MS)
      await killed.stop('SIGKILL')
      expect(await clients.call('over')).to.equal(EARLY + LATE)

      // At once: no store is there yet.
      const dial = toDial(other.address('l'))
      expect(await arrive(dial, [...early.keys()])).to.deep.equal(early)
      const back = await arrive(dial, [...late.keys()])
      const lost = [...late].filter(([address, name]) => back.get(address) !== name)
      expect(lost.filter(pin => !isAway(pin))).to.deep.equal([])

      await sentinels.failOver()
      await until(
        'the other one to share by the new primary',
        () => other.stats().cluster?.isSynced === true && other.stats().cluster?.error === undefined,
        () => other.stats().cluster,
      )
      await third.listen()
      await knows(third)
      expect(await arrive(toDial(third.address('l')), [...early.keys()])).to.deep.equal(early)
      console.log(
        `      ${early.size} clients, ${away.length} of them not at home: none lost; ${lost.length} of ${LATE} new ones`,
      )
    } finally {
      await Promise.all(balancers.map(balancer => balancer.close({ timeoutMs: 0 })))
    }
  })
})
