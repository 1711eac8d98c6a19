import { expect } from 'chai'
import type { Conn } from '../helpers/net.ts'
import { ProcessRig } from '../helpers/process-rig.ts'
import { fdsOf, withFds } from '../helpers/processes.ts'
import { forEachRelay, type RelayPair } from '../helpers/relays.ts'
import { Backend } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

const LIMIT = 256
const OLD = 20
const FLOOD = 1000

// Row 7 of the fault matrix.
forEachRelay('too many clients for the descriptors', pair => {
  if (pair.listener.acceptor === 'native') {
    it('wait their turn, while the others are served and nothing spins', () => waitTheirTurn(pair))
    return
  }

  it('serves whom it can, drops the others, and neither spins nor forgets', async () => {
    await using backend = await Backend.start()
    const { name, address } = backend
    await using rig = await ProcessRig.open(pair, { backends: [{ name, address }], prefix: withFds(LIMIT) })
    const old = await Promise.all(Array.from({ length: OLD }, () => rig.connect()))
    for (const client of old) expect(await client.echo('before')).to.equal('before')

    let isOver = false
    const talk = old.map(async client => {
      while (!isOver) expect(await client.echo('during')).to.equal('during')
    })
    const flood = await Promise.all(Array.from({ length: FLOOD }, () => rig.connect()))
    await until(
      'all to be accepted',
      async () => (await rig.counters()).accepted === OLD + FLOOD,
      () => rig.counters(),
    )
    isOver = true
    await Promise.all(talk)

    const { counters, sessions, fdBudget } = await rig.stats()
    expect(counters.refusedFdBudget).to.equal(OLD + FLOOD - sessions)
    expect(sessions).to.be.within(OLD + 1, LIMIT / 2)
    expect(fdBudget.used).to.equal(2 * sessions)
    expect(fdsOf(rig.child.pid)).to.be.at.most(LIMIT)
    await rig.rests()
    const ends = await Promise.all(flood.map(client => served(client)))
    expect(ends.filter(isServed => isServed).length + OLD, 'those who were let in are served').to.equal(sessions)

    for (const client of flood) client.destroy()
    await until('room', async () => (await rig.stats()).sessions === OLD)
    const late = await rig.connect()
    expect(await late.echo('after')).to.equal('after')
    for (const client of [...old, late]) {
      expect(await client.echo('end')).to.equal('end')
      client.destroy()
    }
    const { refusedFdBudget } = await rig.settle()
    expect(refusedFdBudget).to.equal(counters.refusedFdBudget)
  })
})

async function waitTheirTurn(pair: RelayPair): Promise<void> {
  await using backend = await Backend.start()
  const { name, address } = backend
  await using rig = await ProcessRig.open(pair, { backends: [{ name, address }], prefix: withFds(LIMIT) })
  const old = await Promise.all(Array.from({ length: OLD }, () => rig.connect()))
  for (const client of old) expect(await client.echo('before')).to.equal('before')
  const flood = await Promise.all(Array.from({ length: FLOOD }, () => rig.connect()))
  await until('a pause', async () => (await rig.counters()).acceptPaused > 0)
  for (const client of old) expect(await client.echo('during')).to.equal('during')
  const { sessions, fdBudget } = await rig.stats()
  expect(sessions).to.be.within(OLD + 1, LIMIT / 2)
  expect(fdBudget.used).to.equal(2 * sessions)
  expect(fdsOf(rig.child.pid)).to.be.at.most(LIMIT)
  await rig.rests()

  // Whoever has its answer makes room for the next.
  await Promise.all(
    flood.map(async client => {
      expect(await client.echo('turn')).to.equal('turn')
      client.destroy()
    }),
  )
  for (const client of old) {
    expect(await client.echo('after')).to.equal('after')
    client.destroy()
  }
  const { accepted, refusedFdBudget } = await rig.settle()
  expect({ accepted, refusedFdBudget }).to.deep.equal({ accepted: OLD + FLOOD, refusedFdBudget: 0 })
}

/** Whether a client gets an answer; otherwise it was closed, perhaps before it could ask. */
async function served(client: Conn): Promise<boolean> {
  await client.send('x').catch(() => undefined)
  return (await client.read(1)).length === 1
}
