import { expect } from 'chai'
import { forEachRelay } from '../helpers/relays.ts'
import { Backend, named, startBackends } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'
import { afterTest, ask, cleanUp, makeBalancer, portOf } from '../lifecycle/helpers.ts'

const CLIENTS = Array.from({ length: 45 }, (_, n) => `127.4.1.${n + 1}`)

// Row 17 of the fault matrix.
forEachRelay('a backend that flaps', pair => {
  afterEach(cleanUp)

  it('moves no client of the others, and is told as up or down no more often than it was', async () => {
    const backends = await startBackends(['a', 'b', 'c'], named)
    afterTest(() => backends[Symbol.asyncDispose]())
    const settings = backends.all.map(({ name, address }) => ({ name, address }))
    const balancer = makeBalancer(
      {
        backends: settings,
        boundedLoad: 'off',
        stickTable: 'off',
        health: { interval: '20ms', fastInterval: '20ms', rise: 3, fall: 3 },
        ejection: { failures: 2, baseTime: '1s', maxEjected: 50 },
      },
      { listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...pair.listener }] },
    )
    let told: string[] = []
    balancer.on('backendDown', ({ name }) => told.push(`${name} down`))
    balancer.on('backendUp', ({ name }) => told.push(`${name} up`))
    await balancer.listen()
    await until('the first checks to be told', () => told.length === 3)
    told = []
    const homes = CLIENTS.map(client => balancer.pool().explain(client).home)
    const visit = async (): Promise<void> => {
      const answers = await Promise.all(CLIENTS.map(client => ask(portOf(balancer), '', client)))
      for (const [n, answer] of answers.entries()) {
        if (homes[n] === 'a') expect(answer).to.match(/^[abc]\n$/)
        else expect(answer, CLIENTS[n]).to.equal(`${homes[n]}\n`)
      }
    }
    let [flapping, flaps] = [backends.all[0] as Backend, 0]
    const { port } = flapping
    for (; flaps < rounds(8, 60); flaps++) {
      await flapping.kill()
      await visit()
      // Now and then for long enough.
      if (flaps % 4 === 0) await until('it to be down', () => told.at(-1) === 'a down')
      flapping = await Backend.start({ name: 'a', port, serve: named })
      const up = flapping
      afterTest(() => up[Symbol.asyncDispose]())
      await visit()
      if (flaps % 4 === 0) await until('it to be up', () => told.at(-1) === 'a up')
    }
    await until('it to be well', () => told.at(-1) === 'a up')
    expect(told).to.deep.equal(told.map((_, n) => (n % 2 === 0 ? 'a down' : 'a up')))
    expect(told.length / 2).to.be.within(flaps / 4, flaps)
    await visit()
  })
})
