// Every way of stickiness that docs/affinity.md names, on the same traffic with Limpet, HAProxy and nginx.
import { readFile } from 'node:fs/promises'
import { expect } from 'chai'
import { Certificates } from '../helpers/certificates.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { forEachRelayOnce } from '../helpers/relays.ts'
import { TEST_MS } from '../helpers/wait.ts'
import { LimpetSubject, type Subject, startHaproxy, startNginx } from './stickiness/balancers.ts'
import type { Memory } from './stickiness/clients.ts'
import { type Certificate, NamedServer } from './stickiness/servers.ts'
import { WAYS, type Way } from './stickiness/ways.ts'

const CLIENTS = 12
const NAMES = ['a', 'b', 'c']

/** Servers of a way, and clients that remember what they were given. */
class Scene implements AsyncDisposable {
  readonly directory: Directory
  readonly servers: readonly NamedServer[]
  readonly #way: Way
  readonly #memories: Memory[] = Array.from({ length: CLIENTS }, () => ({ cookies: new Map() }))
  #visit = 0

  private constructor(way: Way, directory: Directory, servers: readonly NamedServer[]) {
    this.#way = way
    this.directory = directory
    this.servers = servers
  }

  static async open(way: Way, certificate: Certificate): Promise<Scene> {
    const answer = way.answer ?? (() => undefined)
    const start = (name: string): Promise<NamedServer> => NamedServer.start(way.servers, name, certificate, answer)
    return new Scene(way, await Directory.make(), await Promise.all(NAMES.map(start)))
  }

  /** Every client comes once: where to. */
  async visit(subject: Subject): Promise<string[]> {
    const visit = this.#visit++
    const found: string[] = []
    for (const [client, memory] of this.#memories.entries()) {
      found.push(await this.#way.come(subject.dial, { client, visit, memory }))
    }
    return found
  }

  /** The server that most were on. */
  busiest(found: readonly string[]): NamedServer {
    const count = ({ name }: NamedServer): number => found.filter(one => one === name).length
    return [...this.servers].sort((left, right) => count(right) - count(left))[0] as NamedServer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map(server => server[Symbol.asyncDispose]()))
    await this.directory[Symbol.asyncDispose]()
  }
}

/** Those that were not on the server, and are elsewhere now. */
function disturbed(before: readonly string[], after: readonly string[], { name }: NamedServer): number {
  return before.filter((found, client) => found !== name && after[client] !== found).length
}

describe('ways of stickiness', function () {
  this.timeout(TEST_MS)
  let certificates: Certificates
  let certificate: Certificate

  before(async function () {
    certificates = await Certificates.make(this)
    await certificates.add('limpet.test')
    certificate = { key: await certificates.pemKey('limpet.test'), cert: await certificates.pem('limpet.test') }
  })

  after(async () => {
    await certificates?.[Symbol.asyncDispose]()
  })

  it('are all in docs/affinity.md, with the configuration that is tried here', async () => {
    const page = await readFile(new URL('../../docs/affinity.md', import.meta.url), 'utf8')
    const rows = page.split('\n').filter(line => line.startsWith('|'))
    for (const { theirs, limpet } of WAYS) {
      const row = rows.find(line => line.includes(`\`${limpet}\``))
      expect(row, limpet).to.be.a('string')
      for (const words of theirs) expect(row).to.include(words)
    }
  })

  for (const way of WAYS) {
    forEachRelayOnce(`${way.theirs[0]}, by Limpet`, pair => {
      if (way.needsJavaScript === true && pair.relay === 'native') return
      it('keeps clients through a death, a return and a restart', async () => {
        await using scene = await Scene.open(way, certificate)
        const listener = { ...pair.listener, ...way.listener }
        const settings = { listener, pool: `{ ${way.limpet} }` }
        await using subject = await LimpetSubject.start(settings, scene.servers, scene.directory.file('table'))
        const first = await scene.visit(subject)
        expect(new Set(first).size).to.be.greaterThan(1)
        expect(await scene.visit(subject)).to.deep.equal(first)
        const dead = scene.busiest(first)
        await dead.die()
        const without = await scene.visit(subject)
        expect(disturbed(first, without, dead)).to.equal(0)
        expect(without).not.to.include(dead.name)
        expect(await scene.visit(subject)).to.deep.equal(without)
        await dead.comeBack()
        const back = await scene.visit(subject)
        expect(disturbed(first, back, dead)).to.equal(0)
        // Whoever had to go stays where it went, while that is remembered; where nothing is, it is home again.
        expect(back).to.deep.equal(way.limpet.includes('stickTable: off') ? first : without)
        await subject.restart()
        expect(await scene.visit(subject)).to.deep.equal(back)
      })
    })

    for (const [peer, settings] of [
      ['haproxy', way.haproxy],
      ['nginx', way.nginx],
    ] as const) {
      if (settings === undefined) continue
      it(`${way.theirs[0]}, by ${peer}: the same client, the same server`, async function () {
        const program = requirePeer(this, peer)
        await using scene = await Scene.open(way, certificate)
        await using subject =
          'module' in settings
            ? await startNginx(program, settings, scene.servers, scene.directory)
            : await startHaproxy(program, settings, scene.servers, scene.directory)
        const first = await scene.visit(subject)
        expect(await scene.visit(subject)).to.deep.equal(first)
      })
    }
  }
})
