import { expect } from 'chai'
import { Conn, type Dial } from '../helpers/net.ts'
import { rounds } from '../helpers/soak.ts'
import { TEST_MS, until } from '../helpers/wait.ts'
import { cleanUp } from '../lifecycle/helpers.ts'
import { echoes, openSession, Site, WAYS } from '../upgrade/helpers.ts'

const SESSIONS = rounds(50, 1000)

async function isRefused(dial: Dial): Promise<boolean> {
  const error = await Conn.open(dial).then(
    conn => conn.destroy(),
    (error: NodeJS.ErrnoException) => error.code,
  )
  return error === 'ECONNREFUSED'
}

// Row 28 of the fault matrix; a second and a third signal are in test/cli.
describe('signals while many sessions live', function () {
  this.timeout(TEST_MS)
  afterEach(cleanUp)

  for (const way of WAYS) {
    it(`SIGTERM in a reload lets them finish, and nobody in (${way.acceptor} acceptor, ${way.relay} relay)`, async () => {
      const site = await Site.make(way)
      const run = await site.start()
      const dial = run.dial('tcp')
      const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => openSession(dial)))
      site.weight = 2
      await site.write()
      for (const signal of ['SIGHUP', 'SIGHUP'] as const) process.kill(run.pid, signal)
      const exit = run.stop('SIGTERM')
      await run.says('"msg":"stopping"')
      await until('nobody to be let in', () => isRefused(dial))
      for (const session of sessions) expect(await echoes(session, 'still here')).to.equal(true)
      for (const session of sessions) session.finish()
      for (const session of sessions) expect(await session.over()).to.equal('end')
      expect(await exit).to.deep.equal({ code: 0, signal: null })
      expect(run.logged('closed')).to.include({ finished: SESSIONS, cut: 0 })
    })

    it(`are cut at the deadline (${way.acceptor} acceptor, ${way.relay} relay)`, async () => {
      const site = await Site.make(way)
      await site.write({ shutdownTimeout: '1s' })
      const run = await site.start()
      const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => openSession(run.dial('tcp'))))
      expect(await run.stop('SIGTERM')).to.deep.equal({ code: 1, signal: null })
      await Promise.all(sessions.map(session => session.over()))
      expect(run.logged('closed')).to.include({ finished: 0, cut: SESSIONS })
    })
  }
})
