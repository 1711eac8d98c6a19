import { expect } from 'chai'
import { Calendar } from '../../src/simulation/calendar.ts'
import { ClusterSimulation } from '../../src/simulation/cluster.ts'
import type { ClusterFindings, ClusterOptions } from '../../src/simulation/options.ts'

const OPTIONS: ClusterOptions = {
  clients: 4000,
  balancers: 3,
  backends: 10,
  factor: 1.25,
  scope: 'local',
  isShared: true,
  duration: 1800,
  session: 60,
  pause: 300,
  ttl: 1800,
  wander: 1,
  churn: 0.1,
  lag: 0.05,
  pace: 1000,
  changes: [],
  seed: 1,
}

function simulate(options: Partial<ClusterOptions>): ClusterFindings {
  const simulation = new ClusterSimulation({ ...OPTIONS, ...options })
  expect([...simulation.minutes()]).to.have.length(OPTIONS.duration / 60)
  return simulation.findings()
}

describe('simulation of a cluster', () => {
  it('gives the same for the same options, and other clients for another seed', () => {
    expect(simulate({})).to.deep.equal(simulate({}))
    expect(simulate({ seed: 2 }).sessions).not.to.equal(simulate({}).sessions)
  })

  it('has as many sessions as its clients have time for', () => {
    // They begin within one round. A renewal process that begins with an event has t/μ + (σ²/μ² + 1)/2 of them up to t.
    const round = OPTIONS.session + OPTIONS.pause
    const variance = (OPTIONS.session ** 2 + OPTIONS.pause ** 2) / round ** 2
    const expected = OPTIONS.clients * ((OPTIONS.duration - round / 2) / round + (variance + 1) / 2)
    expect(simulate({}).sessions).to.be.within(0.97 * expected, 1.03 * expected)
  })

  it('needs no store where every client is at home', () => {
    const none = { writes: 0, deletes: 0, refreshes: 0, exceptions: 0, peakOperations: 0, deliveries: 0 }
    expect(simulate({ factor: undefined })).to.include({ ...none, broken: 0 })
  })

  it('breaks fewer clients where exceptions are shared, and where the bound counts all sessions', () => {
    const alone = simulate({ isShared: false }).broken
    const shared = simulate({}).broken
    expect(shared).to.be.within(1, alone - 1)
    expect(simulate({ scope: 'cluster' }).broken).to.be.lessThan(shared)
  })

  it('breaks nobody who comes back through the balancer that knows him', () => {
    expect(simulate({ isShared: false, wander: 0 }).broken).to.equal(0)
  })

  it('publishes the pins that a new backend makes exceptions, before their homes change', () => {
    const changes = [{ what: 'add', at: 900 }] as const
    const [alone, shared] = [false, true].map(isShared => simulate({ factor: undefined, changes, isShared }))
    // About one home in eleven is another one now.
    expect(shared?.writes).to.be.within(200, 500)
    expect(alone?.broken).to.be.greaterThan(100)
    expect(shared?.broken).to.be.lessThan(10)
    expect(shared?.peakOperations).to.be.greaterThan(200)
    // Too slow for the time that a change waits.
    expect(simulate({ factor: undefined, changes, pace: 1 }).broken).to.be.greaterThan(shared?.broken ?? 0)
  })

  it('loses what a dead balancer alone knew, and only when homes change', () => {
    const kill = { what: 'kill', at: 600 } as const
    expect(simulate({ factor: undefined, changes: [kill] }).broken).to.equal(0)
    expect(simulate({ factor: undefined, changes: [kill, { what: 'add', at: 700 }] }).broken).to.be.greaterThan(20)
  })

  it('moves the clients of a backend that is down, and keeps them where they went', () => {
    const changes = [
      { what: 'down', at: 600 },
      { what: 'up', at: 900 },
    ] as const
    const found = simulate({ factor: undefined, changes })
    expect(found.exceptions).to.be.within(200, 500)
    expect(found.broken).to.be.lessThan(10)
  })
})

describe('the calendar of a simulation', () => {
  it('gives the events of a second in their order, those that are put into it meanwhile, too', () => {
    const calendar = new Calendar(4, 8)
    calendar.put(0, 1.7)
    calendar.put(1, 1.2)
    calendar.put(2, 9.5)
    calendar.put(3, 2)
    const seen: number[] = []
    for (const { client, at } of calendar.take(1)) {
      seen.push(client)
      if (at === 1.2) calendar.put(client, 1.9)
    }
    expect(seen).to.deep.equal([1, 0, 1])
    expect([...calendar.take(2)]).to.deep.equal([{ client: 3, at: 2 }])
    expect([...calendar.take(9)]).to.deep.equal([{ client: 2, at: 9.5 }])
  })
})
