import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { Lane, Visits } from '../helpers/children/steady-clients.ts'
import { clientsFrom, leadsAll, offHome, openSite } from './site.ts'

const BEFORE_MS = 10_000
const STOPPED_MS = 30_000
/** It is known in 2 to 2.5 s, on a machine that has nothing else to do. */
const KNOWN_MS = 5000
const LANES = 4
const GROUP = 300

/** The value below which so many of a hundred are. */
function percentile(times: readonly number[], percent: number): number {
  const sorted = [...times].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN
}

function told({ times }: Visits): string {
  return `${times.length} connections, median ${percentile(times, 50).toFixed(2)} ms, p99 ${percentile(times, 99).toFixed(2)} ms`
}

describe('a store that is stopped', () => {
  it('for half a minute costs clients nothing, and is told the rest when it goes on', async function () {
    await using site = await openSite(this, { backends: ['a', 'b', 'c', 'd'], known: 4, switchTimeout: '10s' })
    const { one, other, steady, clients, store } = site
    const lanes: Lane[] = Array.from({ length: LANES }, (_, n) => ({
      dial: (n % 2 === 0 ? one : other).dial,
      addresses: clientsFrom(10_000 + n * 100, 100),
    }))
    await steady.call('begin', lanes, 10)
    // The first visits load code, and make pins.
    await sleep(1000)
    const warm = await steady.call<Visits>('take')
    await sleep(BEFORE_MS)
    const before = await steady.call<Visits>('take')

    const stopped = performance.now()
    store.child.kill('SIGSTOP')
    await Promise.all([one, other].map(at => at.becomes('knows', ({ error }) => error !== undefined)))
    const knownMs = performance.now() - stopped
    for (const at of [one, other]) expect(await at.readiness()).to.match(/^degraded: exceptions are not shared/)
    await one.setState('d', 'drain')
    const met = await site.arrive(one, clientsFrom(0, GROUP))
    await one.setState('d', 'ready')
    expect((await offHome(one, met)).size).to.be.above(GROUP / 20)
    await sleep(STOPPED_MS - (performance.now() - stopped))
    const during = await steady.call<Visits>('take')
    for (const at of [one, other]) expect((await at.status()).isSynced).to.equal(false)

    store.child.kill('SIGCONT')
    await Promise.all([one.sharesAll(), other.sharesAll()])
    await leadsAll(other, met)
    expect(await site.arrive(other, [...met.keys()])).to.deep.equal(met)
    for (const at of [one, other]) {
      expect(await at.readiness()).to.match(/^ok/)
      expect(await at.status()).to.include({ dropped: 0, isSynced: true })
    }
    expect(await clients.call('echo', 'there')).to.equal(2 * GROUP)
    await steady.call('end')
    const after = await steady.call<Visits>('take')
    const harmed = [warm, before, during, after].flatMap(({ failures, moved }) => [...failures, ...moved])
    expect(harmed).to.deep.equal([])
    console.log(`      before: ${told(before)}; stopped: ${told(during)}; known after ${Math.round(knownMs)} ms`)
    expect(percentile(during.times, 99)).to.be.below(5 * percentile(before.times, 99) + 50)
    expect(knownMs).to.be.below(KNOWN_MS)
  })
})
