import { expect } from 'chai'
import { ProcessRig } from '../helpers/process-rig.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Backend } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'

// Row 6 of the fault matrix.
forEachRelay('clients that reset before they are accepted', pair => {
  it('are counted and forgotten', async () => {
    const clients = rounds(200, 3000)
    await using backend = await Backend.start()
    const { name, address } = backend
    await using rig = await ProcessRig.open(pair, { backends: [{ name, address }] })
    const old = await rig.connect()
    expect(await old.echo('before')).to.equal('before')
    rig.child.signal('SIGSTOP')
    for (let n = 0; n < clients; n++) {
      const client = await rig.connect()
      // Some have said something, some only came.
      if (n % 2 === 0) await client.send('hello')
      client.reset()
    }
    rig.child.signal('SIGCONT')
    await until(
      'all to be accepted',
      async () => (await rig.counters()).accepted === clients + 1,
      () => rig.counters(),
    )
    await until(
      'them to be gone',
      async () => (await rig.stats()).sessions === 1,
      () => rig.counters(),
    )
    expect(await old.echo('after')).to.equal('after')
    await rig.rests()
    old.destroy()
    const counters = await rig.settle()
    const { refusedNoAddress, endClientGone, endClientReset } = counters
    expect(refusedNoAddress + endClientGone + endClientReset, JSON.stringify(counters)).to.be.within(
      clients,
      clients + 1,
    )
    // The native acceptor learns the address of a client that is gone, and then that it is.
    if (pair.listener.acceptor === 'net') expect(refusedNoAddress).to.be.greaterThan(0)
    else expect(endClientGone).to.be.greaterThan(0)
  })
})
