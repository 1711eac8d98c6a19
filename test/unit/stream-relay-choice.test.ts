import type { Socket } from 'node:net'
import { expect } from 'chai'
import { resolveOptions } from '../../src/config/resolve.ts'
import { createLog } from '../../src/log/log.ts'
import { type NativeAddon, native } from '../../src/native.ts'
import { PoolCore } from '../../src/pool/core.ts'
import { Relays } from '../../src/relay/relays.ts'
import { SessionFeed } from '../../src/relay/session-feed.ts'
import { Target } from '../../src/relay/target.ts'
import { afterTest, ask, cleanUp, startBackend, thrownCode, until } from '../lifecycle/helpers.ts'

/** Takes the native relay away, as on a system that has none. */
function withoutNativeRelay(): void {
  const addon = native() as { -readonly [Key in keyof NativeAddon]: NativeAddon[Key] }
  const { Relay } = addon
  delete addon.Relay
  afterTest(() => {
    if (Relay !== undefined) addon.Relay = Relay
  })
}

async function makeRelays(): Promise<{ relays: Relays; target: Target; lines: string[] }> {
  const backend = await startBackend()
  const pools = { p: { stickTable: 'off' as const, backends: [{ name: 'a', address: backend.address }] } }
  const settings = resolveOptions({ pools }).pools.get('p')
  if (settings === undefined) throw new Error('there is no pool p')
  const lines: string[] = []
  const log = createLog('info', { write: line => lines.push(JSON.parse(line).msg) })
  const relays = new Relays(new SessionFeed(undefined), log, 0)
  afterTest(() => relays.stop())
  return {
    relays,
    target: new Target({ listener: 'l', pool: new PoolCore(settings), session: settings, maxSessions: 0 }),
    lines,
  }
}

async function serveBy(relays: Relays, target: Target): Promise<{ port: number; served: string[] }> {
  const served: string[] = []
  const front = await startBackend((socket: Socket) => {
    served.push(relays.serve(target, socket))
  })
  return { port: front.port, served }
}

describe('the choice of the relay', () => {
  afterEach(cleanUp)

  it('takes the native relay for plain sockets where there is one', async () => {
    const { relays, target, lines } = await makeRelays()
    relays.add(target, 'auto', false)
    const { port, served } = await serveBy(relays, target)
    expect(await ask(port, 'x')).to.equal('hello x')
    expect([served, lines]).to.deep.equal([['native'], []])
  })

  it('refuses `native` on a system without, with a code', async () => {
    withoutNativeRelay()
    const { relays, target } = await makeRelays()
    expect(thrownCode(() => relays.add(target, 'native', false))).to.equal('LIMPET_ERR_UNSUPPORTED')
  })

  it('takes the stream relay by itself on a system without, and says so', async () => {
    withoutNativeRelay()
    const { relays, target, lines } = await makeRelays()
    relays.add(target, 'auto', false)
    const { port, served } = await serveBy(relays, target)
    expect(await ask(port, 'x')).to.equal('hello x')
    expect(served).to.deep.equal(['stream'])
    expect(lines).to.deep.equal([`the stream relay serves: the native relay does not exist on ${process.platform}`])
  })

  it('says only once per listener why the stream relay serves', async () => {
    const { relays, target, lines } = await makeRelays()
    relays.add(target, 'auto', false)
    const front = await startBackend(socket => {
      socket.write(Buffer.alloc(8 * 1024 * 1024))
      relays.serve(target, socket)
    })
    for (let turn = 0; turn < 2; turn++) expect((await ask(front.port, 'x')).length).to.be.above(8 * 1024 * 1024)
    expect(lines).to.deep.equal(['the stream relay serves: bytes to the client were still waiting in its socket'])
  })

  it('takes the stream relay when that is asked for, and says nothing', async () => {
    const { relays, target, lines } = await makeRelays()
    relays.add(target, 'stream', false)
    const { port, served } = await serveBy(relays, target)
    expect(await ask(port, 'x')).to.equal('hello x')
    expect([served, lines]).to.deep.equal([['stream'], []])
  })

  it('gives both relays one set of figures', async () => {
    const { relays, target } = await makeRelays()
    relays.add(target, 'auto', false)
    const stream = new Target({ listener: 's', pool: target.pool, session: target, maxSessions: 0 })
    const ports = [await serveBy(relays, target), await serveBy(relays, stream)]
    for (const { port } of ports) expect(await ask(port, 'x')).to.equal('hello x')
    await until(() => relays.sessions === 0)
    expect(relays.counts).to.include({ accepted: 2, opened: 2, endFinished: 2, bytesToBackend: 2, bytesToClient: 14 })
    expect([relays.sessionsOf(target), relays.sessionsOf(stream)]).to.deep.equal([0, 0])
  })
})
