import { expect } from 'chai'
import { ProcessRig } from '../helpers/process-rig.ts'
import { Children, requireFds } from '../helpers/processes.ts'
import { forEachRelayOnce } from '../helpers/relays.ts'
import { rounds } from '../helpers/soak.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const
const BOUND_MILLI = 1250

// Row 19 of the fault matrix.
forEachRelayOnce('the bound', pair => {
  it('holds under many concurrent sessions', async function () {
    const sessions = rounds(500, 5000)
    requireFds(this, 2 * sessions + 500)
    await using children = await Children.start(['backends', 'clients', 'clients'])
    const [backends, one, two] = children.all
    const settings = await backends.call<{ name: string; address: string }[]>('start', NAMES)
    // One weighs three times as much as the others.
    const weighted = settings.map((backend, index) => ({ ...backend, weight: index === 0 ? 3 : 1 }))
    const weights = NAMES.length + 2
    await using rig = await ProcessRig.open(pair, {
      backends: weighted,
      pool: { boundedLoad: BOUND_MILLI / 1000, stickTable: 'off' },
    })
    const half = sessions / 2
    const lines = await Promise.all([
      one.call<Record<string, number>>('open', rig.dial, half, 0),
      two.call<Record<string, number>>('open', rig.dial, half, half),
    ])
    expect(lines[0][''] ?? lines[1][''], 'clients that were closed').to.equal(undefined)
    const { counters, pools, sessions: live } = await rig.stats()
    expect(live).to.equal(sessions)
    expect(counters).to.include({ accepted: sessions, opened: sessions })
    const loads = await backends.call<Record<string, { live: number; most: number }>>('loads')
    for (const [index, { name, weight }] of weighted.entries()) {
      const bound = Math.max(1, Math.ceil((BOUND_MILLI * sessions * weight) / (1000 * weights)))
      expect(loads[name]?.most, `${name} has at most ${bound}`).to.be.at.most(bound)
      expect(pools.p?.backends[index]?.sessions).to.equal(loads[name]?.live)
    }
    expect(await one.call('echo', 'still there')).to.equal(half)
    await Promise.all([one.call('close', half), two.call('close', half)])
    const after = await rig.settle()
    expect(after.accepted).to.equal(sessions)
  })

  it('is met, and gives way only to maxSessions, under three times as many clients as there is room for', async () => {
    const seats = rounds(50, 500)
    await using children = await Children.start(['backends', 'clients'])
    const [backends, crowd] = children.all
    const settings = await backends.call<{ name: string; address: string }[]>('start', NAMES)
    const limited = settings.map(backend => ({ ...backend, maxSessions: seats }))
    await using rig = await ProcessRig.open(pair, { backends: limited, pool: { boundedLoad: 1.25 } })
    const room = seats * NAMES.length
    const lines = await crowd.call<Record<string, number>>('open', rig.dial, 3 * room, 0)
    expect(lines).to.deep.equal({ ...Object.fromEntries(NAMES.map(name => [name, seats])), '': 2 * room })
    const loads = await backends.call<Record<string, { most: number }>>('loads')
    for (const name of NAMES) expect(loads[name]?.most, name).to.equal(seats)
    await crowd.call('close', room)
    const counters = await rig.settle()
    expect(counters).to.include({ accepted: 3 * room, opened: room, refusedPoolFull: 2 * room })
  })
})
