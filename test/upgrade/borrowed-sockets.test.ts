import { expect } from 'chai'
import { nativeOs } from '../../src/acceptor/open-socket.ts'
import { Balancer, type ListenerOptions, type OpenSockets } from '../../src/index.ts'
import { within } from '../helpers/wait.ts'
import { afterTest, cleanUp } from '../lifecycle/helpers.ts'
import { Site, session, WAYS } from './helpers.ts'

const SESSIONS = 40

/** In this process, without an admin API; destroyed after the test. */
function makeBalancer(site: Site, listeners: ListenerOptions[]): Balancer {
  const { admin: _, ...config } = site.config({ listeners })
  const balancer = new Balancer({ ...config, log: { level: 'silent' } })
  afterTest(() => balancer.destroy())
  return balancer
}

/** What a process that takes over has of the sockets of another one. */
function borrowed(balancer: Balancer): OpenSockets {
  const copies = [...balancer.sockets().listeners].map(([name, { fd }]) => {
    const copy = nativeOs()?.duplicate(fd) ?? -1
    return [name, { fd: copy, isShared: false, isBorrowed: true }] as const
  })
  return { listeners: new Map(copies) }
}

describe('listen sockets of a process that goes on', () => {
  afterEach(cleanUp)

  for (const way of WAYS) {
    it(`are not accepted from by who cannot serve yet (${way.acceptor} acceptor, ${way.relay} relay)`, async () => {
      const site = await Site.make(way)
      const listeners = [site.listener('tcp', '127.0.0.1:0')]
      const running = makeBalancer(site, listeners)
      await running.listen()
      const { address: host, port } = running.address('tcp') as { address: string; port: number }

      let begun = (): void => undefined
      const isPreparing = new Promise<void>(resolve => {
        begun = resolve
      })
      let fail = (_error: Error): void => undefined
      const prepare = async (): Promise<void> => {
        begun()
        await new Promise<void>((_, reject) => {
          fail = reject
        })
      }
      const failing = makeBalancer(site, listeners)
      const failed = failing.listen({ sockets: borrowed(running), prepare }).catch((error: Error) => error.message)
      await within('the preparation', isPreparing)
      for (let at = 0; at < SESSIONS; at++) await within('a session', session({ host, port }))
      fail(new Error('not today'))
      expect(await failed).to.equal('not today')
      for (let at = 0; at < SESSIONS; at++) await within('a session', session({ host, port }))
    })
  }
})
