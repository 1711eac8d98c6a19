// Two balancers on hosts of their own, and one host with their store, their backends and clients; a wire between them.
import type { Context } from 'mocha'
import type { BackendOptions, BalancerOptions } from '../../src/index.ts'
import { Host } from '../deploy/hosts.ts'
import { Directory } from '../helpers/directory.ts'
import { requireNetns } from '../helpers/netns.ts'
import { requirePeer } from '../helpers/peers.ts'
import { type Child, Children } from '../helpers/processes.ts'
import type { Program } from '../helpers/programs.ts'
import { until } from '../helpers/wait.ts'
import { Balancing } from './balancing.ts'

const SERVERS = '192.0.2.1'
const STORE = '192.0.2.2'
const ONE = '192.0.2.11'
const OTHER = '192.0.2.12'
const STORE_PORT = 6379
const STORE_SETTINGS = ['--bind', STORE, '--port', String(STORE_PORT), '--protected-mode', 'no', '--save', '']
/** Every address of it is one of the wire's host. */
const CLIENTS = '198.18.0.0/16'

/** Between one balancer and the store nothing gets through, and nobody is told. */
const CUT = `table inet cut {
  chain in { type filter hook input priority 0; ip saddr ${ONE} ip daddr ${STORE} drop; }
  chain out { type filter hook output priority 0; ip saddr ${STORE} ip daddr ${ONE} drop; }
}`

/** Addresses of so many clients, from the first on. */
export function clientsFrom(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `198.18.${(first + at) >> 8}.${(first + at) & 255}`)
}

/** What a test begins with. */
export interface SiteSettings {
  /** Names of all backends that run. */
  backends: readonly string[]
  /** The balancers know so many of them. */
  known: number
  switchTimeout: string
}

/** All of it. */
export interface Site extends AsyncDisposable {
  store: Program
  one: Balancing
  other: Balancing
  /** Clients that stay: `children/clients.ts`. */
  clients: Child
  /** Clients that come again and again: `children/steady-clients.ts`. */
  steady: Child
  backends: readonly BackendOptions[]
  /** Cuts `one` off from the store, or joins them again. */
  cut(isCut: boolean): void
  /** So many new clients, from the first on, come to a balancer, and stay; gives which backend each has met. */
  arrive(at: Balancing, addresses: readonly string[]): Promise<Map<string, string>>
}

/** What has been made; it ends in the opposite order. */
class Parts implements AsyncDisposable {
  readonly #all: AsyncDisposable[] = []

  async add<T extends AsyncDisposable>(made: Promise<T> | T): Promise<T> {
    const part = await made
    this.#all.unshift(part)
    return part
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#all.splice(0)) await part[Symbol.asyncDispose]()
  }
}

/** Begins it. Skips (or fails) the test where that cannot be. */
export async function openSite(context: Context, settings: SiteSettings): Promise<Site> {
  requireNetns(context)
  const redis = requirePeer(context, 'redis-server')
  const nft = requirePeer(context, 'nft')
  const parts = new Parts()
  try {
    return await make(parts, { redis, nft }, settings)
  } catch (error) {
    await parts[Symbol.asyncDispose]()
    throw error
  }
}

async function make(parts: Parts, programs: { redis: string; nft: string }, settings: SiteSettings): Promise<Site> {
  const directory = await parts.add(Directory.make())
  const lan = await parts.add(Host.start('lan'))
  lan.layWire([SERVERS, STORE])
  lan.run('ip', 'route', 'add', 'local', CLIENTS, 'dev', 'lo')
  const store = await parts.add(lan.program([programs.redis, ...STORE_SETTINGS]))
  await store.says('Ready to accept connections')
  const [servers, clients, steady] = (
    await parts.add(Children.start(['backends', 'clients', 'steady-clients'], lan.prefix))
  ).all
  const backends = await servers.call<BackendOptions[]>('start', settings.backends, [], SERVERS)
  const config = configOf(backends.slice(0, settings.known), settings.switchTimeout)
  const start = async (name: string, address: string): Promise<Balancing> => {
    const host = await parts.add(Host.start(name))
    host.join(lan, address)
    host.run('ip', 'route', 'add', CLIENTS, 'via', SERVERS)
    return await parts.add(Balancing.start(host, address, directory, config))
  }
  const one = await start('one', ONE)
  const other = await start('other', OTHER)
  await Promise.all([one.sharesAll(), other.sharesAll()])
  return {
    ...{ store, one, other, clients, steady, backends },
    cut: isCut => void lan.run(programs.nft, isCut ? CUT : 'delete table inet cut'),
    arrive: async ({ dial }, addresses) => {
      const names = await clients.call<string[]>(
        'visit',
        addresses.map(localAddress => ({ ...dial, localAddress })),
      )
      return new Map(addresses.map((address, at) => [address, names[at] ?? '']))
    },
    [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose](),
  }
}

function configOf(backends: readonly BackendOptions[], switchTimeout: string): BalancerOptions {
  return {
    pools: {
      p: {
        // Without a bound whoever is at home is so at each balancer: nobody may be sent elsewhere.
        ...{ secret: 'a secret of tests', boundedLoad: 'off', health: 'off' },
        ...{ stickTable: { size: 100_000 }, backends: [...backends] },
      },
    },
    cluster: { url: `redis://${STORE}:${STORE_PORT}`, switchTimeout },
    log: { level: 'info', sessions: 'off' },
  }
}

/** Waits until a balancer would lead each of these clients to the backend that it has met. */
export async function leadsAll(balancing: Balancing, met: ReadonlyMap<string, string>): Promise<void> {
  const left = new Map(met)
  await until(
    `${balancing.address} to lead ${met.size} clients to their backends`,
    async () => {
      for (const [address, name] of left) {
        const { next } = await balancing.explain(address)
        if (next?.backend !== name) return false
        left.delete(address)
      }
      return true
    },
    async () => [left.size, await balancing.status()],
  )
}

/** Those of the clients whose backend is not their home. */
export async function offHome(at: Balancing, met: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const away = new Map<string, string>()
  for (const [address, name] of met) if ((await at.explain(address)).home !== name) away.set(address, name)
  return away
}
