import { expect } from 'chai'
import { Balancer } from '../../src/balancer.ts'
import type { BalancerOptions } from '../../src/config/options.ts'
import { Directory } from '../helpers/directory.ts'
import { LimpetRun } from '../helpers/limpet-run.ts'
import { Conn, clientAddress, type Dial } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { type Backend, startBackends } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'

const CLIENTS = rounds(1500, 10_000)
const LANES = 40
/** One in so many stays connected. */
const STAYS = 4
const AT_LEAST = 0.999

/** Clients that come one after the other in several lanes, until there is nobody any more to serve them. */
class Arrivals {
  /** What each was told, by its number. */
  readonly told = new Map<number, string>()
  readonly #dial: Dial
  readonly #lanes: Promise<void>[]
  readonly #open: Conn[] = []
  #next = 0

  constructor(dial: Dial) {
    this.#dial = dial
    this.#lanes = Array.from({ length: LANES }, () => this.#lane())
  }

  async end(): Promise<void> {
    await Promise.all(this.#lanes)
    for (const conn of this.#open) conn.destroy()
  }

  async #lane(): Promise<void> {
    for (;;) {
      const client = this.#next++
      const conn = await Conn.open({ ...this.#dial, localAddress: clientAddress(client) }).catch(() => undefined)
      if (conn === undefined) return
      this.#open.push(conn)
      const name = await conn.line().catch(() => '')
      if (name === '') return
      this.told.set(client, name)
      if (client % STAYS !== 0) conn.destroy()
    }
  }
}

/** Where each client gets to, one visit each. */
async function revisit(dial: Dial, clients: Iterable<number>): Promise<Map<number, string>> {
  const found = new Map<number, string>()
  const waiting = [...clients]
  const lane = async (): Promise<void> => {
    for (let client = waiting.pop(); client !== undefined; client = waiting.pop()) {
      const conn = await Conn.open({ ...dial, localAddress: clientAddress(client) })
      found.set(client, await conn.line())
      conn.destroy()
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return found
}

forEachRelay('a stick table in a file, after a SIGKILL under load', ({ listener }) => {
  const config = (backends: readonly Backend[], boundedLoad: number | 'off'): BalancerOptions => ({
    listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...listener }],
    pools: {
      p: {
        secret: 'a secret of tests',
        boundedLoad,
        stickTable: { size: 200_000, file: 'table' },
        backends: backends.map(({ name, address }) => ({ name, address })),
      },
    },
  })

  it('has at least 99.9 % of its pins, and sends every client to where it was', async () => {
    await using directory = await Directory.make()
    await using backends = await startBackends(['a', 'b', 'c', 'd'])
    const file = directory.file('limpet.yaml')
    // A bound without slack sends many clients away from home, where only a pin brings them again.
    await LimpetRun.write(file, config(backends.all, 1))
    const told = await killUnderLoad(file)

    const other = config([...backends.all].reverse(), 'off')
    await LimpetRun.write(file, other)
    await using limpet = await LimpetRun.start(file)
    const back = limpet.logged('the stick table is back')
    expect(back).to.include({ generation: 2, dropped: 0 })
    expect(back.restored).to.be.at.least(Math.ceil(told.size * AT_LEAST))

    const found = await revisit(limpet.dial('l'), told.keys())
    const same = [...told].filter(([client, name]) => found.get(client) === name)
    expect(same.length).to.be.at.least(Math.ceil(told.size * AT_LEAST))
    await using homes = new Balancer({ ...other, listeners: [], pools: withoutTable(other) })
    const away = same.filter(([client, name]) => homes.pool().explain(clientAddress(client)).home !== name)
    expect(away.length).to.be.at.least(told.size / 50)
  })
})

async function killUnderLoad(file: string): Promise<ReadonlyMap<number, string>> {
  await using limpet = await LimpetRun.start(file)
  const arrivals = new Arrivals(limpet.dial('l'))
  await until(`${CLIENTS} clients`, () => arrivals.told.size >= CLIENTS)
  const { signal } = await limpet.stop('SIGKILL')
  expect(signal).to.equal('SIGKILL')
  await arrivals.end()
  return arrivals.told
}

function withoutTable({ pools }: BalancerOptions): BalancerOptions['pools'] {
  return Object.fromEntries(
    Object.entries(pools).map(([name, pool]) => [name, { ...pool, stickTable: 'off' as const }]),
  )
}
