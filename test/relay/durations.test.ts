import { expect } from 'chai'
import type { Histogram } from '../../src/index.ts'
import { freePort } from '../helpers/net.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

const CLIENTS = 20
const LONG_MS = 600

/** In which bucket each of these is, in seconds. */
function filled({ bounds }: Histogram, durations: readonly number[]): number[] {
  const counts = new Array<number>(bounds.length + 1).fill(0)
  for (const duration of durations) {
    const found = bounds.findIndex(bound => duration <= bound)
    const bucket = found < 0 ? bounds.length : found
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  return counts
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

forEachRelay('how long things take', pair => {
  it('is in the histograms as it is in the records', async () => {
    await using backend = await Backend.start()
    await using rig = await Rig.open(pair, { backends: [backend] })
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => rig.connect()))
    for (const client of clients) expect(await client.echo('hello')).to.equal('hello')
    const living = rig.stats.durations
    expect(sum(living.connect.counts), 'connects').to.equal(CLIENTS)
    expect(sum(living.session.counts), 'sessions that live').to.equal(0)

    for (const client of clients.slice(1)) client.finish()
    await rig.causes(CLIENTS - 1)
    const [last] = clients
    const began = performance.now()
    await until('a long session', () => performance.now() - began > LONG_MS)
    last?.finish()
    await rig.causes(CLIENTS)
    const { connect, session } = rig.stats.durations
    const seconds = rig.closes.map(({ durationMs }) => durationMs / 1000)
    const connects = rig.closes.map(({ connectMs }) => connectMs / 1000)
    expect(session.counts).to.deep.equal(filled(session, seconds))
    expect(connect.counts).to.deep.equal(filled(connect, connects))
    expect(session.sum).to.be.closeTo(sum(seconds), 1e-6)
    expect(connect.sum).to.be.closeTo(sum(connects), 1e-6)
    expect(sum(session.counts.slice(session.bounds.indexOf(0.5) + 1)), 'long sessions').to.be.at.least(1)
    await rig.settle()
  })

  it('has no client that was refused', async () => {
    const address = `127.0.0.1:${await freePort()}`
    await using rig = await Rig.open(pair, { backends: [{ name: 'd', address }], pool: { retries: 0 } })
    const client = await rig.connect()
    await client.over()
    await rig.causes(1)
    const { connect, session } = rig.stats.durations
    expect([sum(connect.counts), sum(session.counts), connect.sum, session.sum]).to.deep.equal([0, 0, 0, 0])
    await rig.settle()
  })
})
