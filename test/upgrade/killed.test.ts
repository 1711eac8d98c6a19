import { existsSync } from 'node:fs'
import { expect } from 'chai'
import type { BackendInfo } from '../../src/index.ts'
import { AdminClient } from '../admin/helpers.ts'
import type { LimpetRun } from '../helpers/limpet-run.ts'
import { soak } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'
import { cleanUp } from '../lifecycle/helpers.ts'
import { echoes, openSession, Site, serves } from './helpers.ts'

const KEYS = ['127.0.1.1', '127.0.1.2', '127.0.1.3', '127.0.1.4']
/** Where `npm test` kills, too: where most is under way. */
const REDUCED = ['after:Balancer.leaveFiles', 'before:HandOver.inherit#2']
const KILLED = { code: null, signal: 'SIGKILL' }

/** A site whose process keeps what it has in files, and has what a restart of another one would not have. */
class Scene {
  readonly site: Site
  readonly first: LimpetRun
  readonly client: AdminClient
  readonly #file: string

  private constructor(site: Site, file: string, first: LimpetRun) {
    this.site = site
    this.first = first
    this.#file = file
    this.client = new AdminClient({ socketPath: site.admin })
  }

  /** @param point - where the running process is killed; undefined: nowhere */
  static async make(point?: string): Promise<Scene> {
    const site = await Site.make()
    const file = site.directory.file('pins')
    const pools = { p: { ...site.config().pools.p, stickTable: { size: 1000, file } } }
    await site.write({ state: site.directory.file('state.json'), pools })
    const scene = new Scene(site, file, await site.startToDie(point))
    await scene.client.json('PATCH', '/v1/pools/p/backends/b0', { body: { weight: 7 } })
    for (const [at, client] of KEYS.entries()) {
      await scene.client.json('PUT', '/v1/pools/p/table/pin', { body: { client, backend: `b${at % 2}` } })
    }
    return scene
  }

  /** It serves, with everything, and nobody else does. */
  async expectServed(run: LimpetRun): Promise<void> {
    // Clients of a process that was killed come again.
    await until('a client to be served', () => serves({ path: this.site.unix }).catch(() => false))
    const { pid } = (await this.client.json('GET', '/v1/status')) as { pid: number }
    expect(pid).to.equal(run.pid)
    const { backends } = (await this.client.json('GET', '/v1/pools/p/backends')) as { backends: BackendInfo[] }
    expect(backends.map(({ name, weight }) => [name, weight])).to.deep.equal([
      ['b0', 7],
      ['b1', 1],
    ])
    for (const [at, key] of KEYS.entries()) {
      const pin = await this.client.json('GET', `/v1/pools/p/table/pin?client=${key}`)
      expect(pin, key).to.include({ backend: `b${at % 2}` })
    }
    // What is changed is kept: the files are its own.
    await this.client.json('PATCH', '/v1/pools/p/backends/b1', { body: { maxSessions: 9 } })
  }

  /** Nothing of an attempt that failed is left on the disk. */
  expectNothingAside(): void {
    expect(existsSync(`${this.#file}.next`)).to.equal(false)
  }

  /** What it had is in the files. */
  async expectKept(run: LimpetRun): Promise<void> {
    await run.stop('SIGKILL')
    this.expectNothingAside()
    const again = await this.site.start()
    const { backends } = (await this.client.json('GET', '/v1/pools/p/backends')) as { backends: BackendInfo[] }
    expect(backends.map(({ maxSessions }) => maxSessions)).to.deep.equal([0, 9])
    await this.expectServed(again)
  }
}

type Moment = readonly [when: string, point: string]

function chosen(moments: readonly Moment[]): Moment[] {
  return moments.filter(([, point]) => soak || REDUCED.includes(point))
}

describe('limpet run --takeover, when a process is killed in the middle', () => {
  afterEach(cleanUp)

  for (const [when, point] of chosen([
    ['before it has passed its sockets', 'before:Balancer.sockets'],
    ['when it has passed its sockets', 'reads:{"want":"changes"'],
    ['when the other one knows its backends', 'reads:{"want":"tables"'],
    ['when the other one serves', 'reads:{"ready"'],
    ['when the other one has everything', 'reads:{"took"'],
    ['when it has left its files', 'after:Balancer.leaveFiles'],
  ])) {
    it(`goes on without the running one, killed ${when}`, async () => {
      const scene = await Scene.make(point)
      const second = await scene.site.start('--takeover')
      expect(await scene.first.exited).to.deep.equal(KILLED)
      await scene.expectServed(second)
      await scene.expectKept(second)
    })
  }

  for (const [when, point] of chosen([
    ['when it has the sockets', 'before:Balancer.listen'],
    ['when it knows its backends', 'before:Takeover.takeTables'],
    ['when it serves', 'before:Takeover.finish'],
    ['before it has everything', 'before:HandOver.inherit#2'],
  ])) {
    it(`leaves the running one as it was, killed ${when}`, async () => {
      const scene = await Scene.make()
      const old = await openSession({ path: scene.site.unix })
      const dying = scene.site.beginToDie(point, '--takeover')
      expect(await dying.exited).to.deep.equal(KILLED)
      await scene.first.says(' goes on')
      scene.expectNothingAside()
      expect(await echoes(old, 'still here')).to.equal(true)
      await scene.expectServed(scene.first)
      const third = await scene.site.start('--takeover')
      old.finish()
      expect((await scene.first.exited).code).to.equal(0)
      await scene.expectServed(third)
      await scene.expectKept(third)
    })
  }

  for (const [when, point] of chosen([
    ['when the running one has left', 'reads:{"left"'],
    ['before it has the files', 'before:Balancer.ownFiles'],
  ])) {
    it(`can be started again while the other one waits for its sessions, killed ${when}`, async () => {
      const scene = await Scene.make()
      const old = await openSession({ path: scene.site.unix })
      const dying = scene.site.beginToDie(point, '--takeover')
      expect(await dying.exited).to.deep.equal(KILLED)
      const third = await scene.site.start()
      await scene.expectServed(third)
      expect(await echoes(old, 'still here')).to.equal(true)
      await scene.expectKept(third)
      expect(scene.first.output).to.not.include(' goes on')
      old.finish()
      expect((await scene.first.exited).code).to.equal(0)
    })
  }
})
