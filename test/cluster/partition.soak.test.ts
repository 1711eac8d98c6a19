import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { Lane, Visits } from '../helpers/children/steady-clients.ts'
import type { Balancing } from './balancing.ts'
import { clientsFrom, leadsAll, offHome, openSite, type Site } from './site.ts'

const PARTITION_MS = 60_000
const GROUP = 200
/** Long beside anything else that a reload does: who waited for it is told from who did not. */
const SWITCH_MS = 30_000
/** A reload that waits for nobody, on a slow machine. */
const AT_ONCE_MS = SWITCH_MS / 2

/** New clients come through a balancer while one backend takes none: those of it are pinned off home. */
async function arriveOffHome(site: Site, at: Balancing, first: number): Promise<Map<string, string>> {
  await at.setState('d', 'drain')
  const met = await site.arrive(at, clientsFrom(first, GROUP))
  await at.setState('d', 'ready')
  expect((await offHome(at, met)).size).to.be.above(GROUP / 20)
  return met
}

describe('a partition between a balancer and the store', () => {
  it('of a minute harms nobody, and is over by itself', async function () {
    await using site = await openSite(this, {
      backends: ['a', 'b', 'c', 'd', 'e', 'f'],
      known: 4,
      switchTimeout: `${SWITCH_MS}ms`,
    })
    const { one, other, steady, clients, backends } = site
    const lanes: Lane[] = [one, other].map(({ dial }, n) => ({ dial, addresses: clientsFrom(10_000 + n * 100, 100) }))
    await steady.call('begin', lanes, 20)
    const early = [await arriveOffHome(site, one, 0), await arriveOffHome(site, other, GROUP)] as const
    await Promise.all([leadsAll(other, early[0]), leadsAll(one, early[1])])

    const began = performance.now()
    site.cut(true)
    // Neither knows that it is cut off, nor that the other one is.
    const unaware = await Promise.all([one, other].map(at => at.reload(backends.slice(0, 5))))
    await one.becomes('knows', ({ isSynced, error }) => !isSynced && error !== undefined)
    expect(await one.readiness()).to.match(/^degraded: exceptions are not shared/)
    await other.becomes('is alone', ({ members }) => members.every(({ isLive }) => !isLive))
    expect(await other.readiness()).to.match(/^ok/)
    const late = [await arriveOffHome(site, one, 2 * GROUP), await arriveOffHome(site, other, 3 * GROUP)] as const
    const aware = await Promise.all([one, other].map(at => at.reload(backends)))
    for (const ms of unaware) expect(ms).to.be.below(SWITCH_MS + AT_ONCE_MS)
    for (const ms of aware) expect(ms).to.be.below(AT_ONCE_MS)
    // The time itself is what is tested: connections that were open are given up, others are tried again and again.
    await sleep(PARTITION_MS - (performance.now() - began))
    expect((await one.status()).isSynced).to.equal(false)
    for (const address of (await offHome(one, late[0])).keys())
      expect((await other.explain(address)).pin).to.equal(undefined)

    site.cut(false)
    const healed = performance.now()
    await Promise.all([one.sharesAll(), other.sharesAll()])
    const met = await steady.call<Record<string, string>>('end')
    const [here, there] = [one, other].map((_, n) => {
      const own = Object.entries(met).filter(([address]) => lanes[n]?.addresses.includes(address))
      return new Map([...(early[n] ?? []), ...(late[n] ?? []), ...own])
    }) as [Map<string, string>, Map<string, string>]
    await Promise.all([leadsAll(other, here), leadsAll(one, there)])
    const sharedMs = performance.now() - healed

    for (const at of [one, other]) expect(await at.readiness()).to.match(/^ok/)
    expect(await clients.call('echo', 'there')).to.equal(4 * GROUP)
    expect(await site.arrive(other, [...here.keys()])).to.deep.equal(here)
    expect(await site.arrive(one, [...there.keys()])).to.deep.equal(there)
    const { times, failures, moved } = await steady.call<Visits>('take')
    expect({ failures, moved }).to.deep.equal({ failures: [], moved: [] })
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
    console.log(
      `      ${here.size + there.size} clients, ${times.length} visits; reloads before it was known ` +
        `${unaware.map(seconds).join(', ')}, and then ${aware.map(seconds).join(', ')}; all shared after ${seconds(sharedMs)}`,
    )
  })
})
