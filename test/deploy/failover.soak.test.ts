import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { SOURCE_MAIN } from '../cli/helpers.ts'
import { Directory } from '../helpers/directory.ts'
import { requireNetns } from '../helpers/netns.ts'
import { requirePeer } from '../helpers/peers.ts'
import { Child } from '../helpers/processes.ts'
import type { Program } from '../helpers/programs.ts'
import { TYPESCRIPT } from '../helpers/typescript/arguments.ts'
import { until } from '../helpers/wait.ts'
import { Host } from './hosts.ts'
import { DEPLOY, ROOT, sampleFile, settingsOf, textOf } from './samples.ts'

interface Settings {
  listeners: { bind: string }[]
  pools: { redis: { backends: { name: string; address: string }[] } }
}

const text = textOf('keepalived/limpet.yaml')
const { listeners, pools } = settingsOf<Settings>(text)
const [shared = '', port = ''] = listeners[0]?.bind.split(':') ?? []
const SERVERS = pools.redis.backends.map(({ address }) => address.split(':')[0] ?? '')
const OWN = { a: '192.0.2.11', b: '192.0.2.12' } as const
/** Where pins that are not at home are shared. */
const STORE = '192.0.2.1'
const CLIENTS = Array.from({ length: 24 }, (_, n) => `192.0.2.${101 + n}`)

/** One of the pair: a host with Limpet and keepalived, as deploy/keepalived has them. */
class Member implements AsyncDisposable {
  readonly host: Host
  keepalived: Program | undefined
  limpet: Program | undefined
  readonly #file: string
  readonly #path: string

  private constructor(host: Host, file: string, path: string) {
    this.host = host
    this.#file = file
    this.#path = path
  }

  static async make(name: 'a' | 'b', lan: Host, file: string, path: string): Promise<Member> {
    const host = await Host.start(name, { '/etc/keepalived': join(DEPLOY, 'keepalived') })
    host.join(lan, OWN[name])
    host.run('sysctl', '--load', '/etc/keepalived/60-limpet-address.conf')
    return new Member(host, file, path)
  }

  async startLimpet(): Promise<void> {
    // `nsenter` leaves the directory of the test.
    const command = ['env', '-C', ROOT, process.execPath, ...TYPESCRIPT, SOURCE_MAIN, 'run', '-c', this.#file]
    this.limpet = this.host.program(command)
    await this.limpet.says('"msg":"ready"')
  }

  startKeepalived(file: string): void {
    const config = `/etc/keepalived/limpet-${this.host.name}.conf`
    const options = ['--dont-fork', '--log-console', '--log-detail', '--use-file', config]
    this.keepalived = this.host.program([file, ...options], { PATH: `${this.#path}:${process.env.PATH}` })
  }

  async has(): Promise<void> {
    await until(
      `${this.host.name} to have the address`,
      () => this.host.has(shared),
      () => [this.keepalived?.output, this.limpet?.output],
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.keepalived?.isRunning) await this.keepalived.stop()
    await this.limpet?.[Symbol.asyncDispose]()
    await this.host[Symbol.asyncDispose]()
  }
}

/** All servers of the configuration, each on its own address, and the store. */
function serversIn(lan: Host, redis: string): AsyncDisposable & { ready(): Promise<unknown> } {
  const programs = [STORE, ...SERVERS].map(address =>
    lan.program([redis, '--bind', address, '--port', port, '--protected-mode', 'no', '--save', '']),
  )
  return {
    ready: () => Promise.all(programs.map(program => program.says('Ready to accept connections'))),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(programs.map(program => program[Symbol.asyncDispose]()))
    },
  }
}

describe('a pair under keepalived', () => {
  it('hands the address over, and clients find their servers: they are the same', async function () {
    requireNetns(this)
    const keepalived = requirePeer(this, 'keepalived')
    const redis = requirePeer(this, 'redis-server')
    for (const peer of ['curl', 'sysctl'] as const) requirePeer(this, peer)
    await using directory = await Directory.make()
    const file = await sampleFile(directory, text)
    await writeFile(directory.file('secrets/cluster-url'), `redis://${STORE}:${port}`)
    // What the notify script calls.
    await symlink(join(ROOT, 'dist/cli/main.js'), directory.file('limpet'))
    await using lan = await Host.start('lan')
    lan.layWire([STORE, ...SERVERS, ...CLIENTS])
    await using servers = serversIn(lan, redis)
    await servers.ready()
    await using a = await Member.make('a', lan, file, directory.path)
    await using b = await Member.make('b', lan, file, directory.path)
    await using clients = await Child.start('redis-visitors', lan.prefix)
    const visit = async (): Promise<string[]> =>
      await clients.call('visit', { host: shared, port: Number(port) }, CLIENTS)

    await a.startLimpet()
    a.startKeepalived(keepalived)
    await a.has()
    await b.startLimpet()
    b.startKeepalived(keepalived)
    await b.keepalived?.says('Entering BACKUP STATE')
    const homes = await visit()
    expect([...new Set(homes)].sort()).to.deep.equal(SERVERS)

    // Limpet dies: its clients are reset or closed, and what comes next is served by the other host.
    await a.limpet?.stop('SIGKILL')
    await b.has()
    expect(await clients.call('over')).to.equal(CLIENTS.length)
    expect(await visit()).to.deep.equal(homes)

    // It is back, and does not take the address back: nobody is broken a second time.
    await a.startLimpet()
    await a.keepalived?.says(/FAULT STATE[\s\S]*Entering BACKUP STATE/)
    // What does not happen tells nobody: a host that preempts does so within four advertisements, one a second.
    await sleep(5000)
    expect(b.host.has(shared)).to.equal(true)
    expect(await clients.call('stay')).to.equal(CLIENTS.length)

    // A host that stops: the address goes, and what its clients have left is closed by the notify script.
    await b.keepalived?.stop()
    await a.has()
    await b.limpet?.says(new RegExp(`"closed":${CLIENTS.length},"left":0,"msg":"sessions were closed"`))
    expect(await visit()).to.deep.equal(homes)
  })
})
