import { expect } from 'chai'
import { forEachRelayOnce } from '../helpers/relays.ts'
import { openFds, Rig } from '../helpers/rig.ts'
import { Backend } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'

forEachRelayOnce('a balancer that is closed', pair => {
  it('holds no descriptor any more', async () => {
    await using backend = await Backend.start()
    const before = openFds()
    for (let round = 0; round < rounds(5, 500); round++) {
      await using rig = await Rig.open(pair, { backends: [backend] })
      const clients = await Promise.all(Array.from({ length: 5 }, () => rig.connect()))
      for (const client of clients) expect(await client.echo('hello')).to.equal('hello')
      const { finished, cut } = await rig.balancer.close({ timeoutMs: 0 })
      expect({ finished, cut }).to.deep.equal({ finished: 0, cut: clients.length })
      for (const client of clients) await client.over()
    }
    await until(
      'the descriptors to be closed',
      () => openFds() <= before,
      () => [openFds(), before],
    )
  })
})
