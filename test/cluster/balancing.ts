// A balancer that runs as a program on a host of its own, and what it says of itself.
import type { BackendOptions, BalancerOptions, ClusterStatus, Explanation } from '../../src/index.ts'
import { AdminClient } from '../admin/helpers.ts'
import type { Host } from '../deploy/hosts.ts'
import type { Directory } from '../helpers/directory.ts'
import { LimpetRun } from '../helpers/limpet-run.ts'
import type { Dial } from '../helpers/net.ts'
import { until } from '../helpers/wait.ts'

/** A balancer on a host of its own. */
export class Balancing implements AsyncDisposable {
  readonly address: string
  readonly run: LimpetRun
  readonly admin: AdminClient
  readonly #file: string
  readonly #config: BalancerOptions

  private constructor(address: string, run: LimpetRun, socketPath: string, file: string, config: BalancerOptions) {
    this.address = address
    this.run = run
    this.admin = new AdminClient({ socketPath })
    this.#file = file
    this.#config = config
  }

  static async start(host: Host, address: string, directory: Directory, config: BalancerOptions): Promise<Balancing> {
    const file = directory.file(`${host.name}.yaml`)
    const socketPath = directory.file(`${host.name}.sock`)
    const own: BalancerOptions = {
      ...config,
      listeners: [{ name: 'l', bind: `${address}:0`, pool: 'p', acceptor: 'native', relay: 'native' }],
      admin: { listen: `unix:${socketPath}` },
    }
    await LimpetRun.write(file, own)
    const run = await LimpetRun.start(file, [], {}, host.prefix)
    return new Balancing(address, run, socketPath, file, own)
  }

  get dial(): Dial {
    return this.run.dial('l')
  }

  async status(): Promise<ClusterStatus> {
    const { stats } = (await this.admin.json('GET', '/v1/status')) as { stats: { cluster: ClusterStatus } }
    return stats.cluster
  }

  async becomes(what: string, check: (status: ClusterStatus) => boolean): Promise<void> {
    await until(
      `${this.address} ${what}`,
      async () => check(await this.status()),
      () => this.status(),
    )
  }

  /** It has told and read everything, and knows the other one, which has the same backends. */
  async sharesAll(): Promise<void> {
    await this.becomes(
      'shares all',
      ({ isSynced, error, backlog, members }) =>
        isSynced &&
        error === undefined &&
        backlog === 0 &&
        members.filter(({ isLive, differences }) => isLive && differences.length === 0).length === 1,
    )
  }

  async readiness(): Promise<string> {
    return (await this.admin.ask('GET', '/readyz')).text
  }

  async explain(address: string): Promise<Explanation> {
    return (await this.admin.json('GET', `/v1/pools/p/explain?address=${address}`)) as Explanation
  }

  async setState(backend: string, state: 'ready' | 'drain'): Promise<void> {
    await this.admin.json('PATCH', `/v1/pools/p/backends/${backend}`, { body: { state } })
  }

  /** Reads a configuration with these backends; gives how long that took, in milliseconds. */
  async reload(backends: readonly BackendOptions[]): Promise<number> {
    const { p } = this.#config.pools ?? {}
    const began = performance.now()
    const answer = await this.run.reload(this.#file, {
      ...this.#config,
      pools: { p: { ...p, backends: [...backends] } },
    })
    if (!answer.startsWith('reloaded')) throw new Error(`${answer}: ${this.run.output}`)
    return performance.now() - began
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run[Symbol.asyncDispose]()
  }
}
