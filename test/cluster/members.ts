import { Balancer, type BalancerOptions, type ClusterOptions, type PoolOptions } from '../../src/index.ts'
import { until } from '../helpers/wait.ts'

export const NAMES = ['a', 'b', 'c', 'd']
const SECRET = 'a secret of tests'

/** What is other than usual. */
export interface MemberSettings {
  pool?: Partial<PoolOptions>
  cluster?: Partial<ClusterOptions>
  options?: Partial<BalancerOptions>
}

/** The n-th client. */
export function client(n: number): string {
  return `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`
}

/** A balancer of a cluster, as a program has it that only picks. */
export class Member implements AsyncDisposable {
  readonly balancer: Balancer

  private constructor(balancer: Balancer) {
    this.balancer = balancer
  }

  static async start(url: string, settings: MemberSettings = {}): Promise<Member> {
    const member = Member.make(url, settings)
    await member.balancer.listen()
    return member
  }

  static make(url: string, { pool, cluster, options }: MemberSettings = {}): Member {
    const backends = NAMES.map((name, at) => ({ name, address: `127.0.0.1:${9001 + at}` }))
    const usual = { secret: SECRET, stickTable: { size: 10_000 }, health: 'off' as const, backends }
    return new Member(
      new Balancer({
        log: { level: 'silent' },
        pools: { p: { ...usual, ...pool } },
        cluster: { url, startTimeout: '60s', ...cluster },
        ...options,
      }),
    )
  }

  get status() {
    const { cluster } = this.balancer.stats()
    if (cluster === undefined) throw new Error('it is in no cluster')
    return cluster
  }

  get pool() {
    return this.balancer.pool('p')
  }

  /** A connection begins and ends; where. */
  visit(address: string): string {
    const decision = this.pool.pick(address)
    const { backend } = decision
    decision.release()
    return backend
  }

  /** Pins clients, from the first on, elsewhere than at home. */
  pinAway(count: number, first = 0): Map<string, string> {
    const pins = new Map<string, string>()
    for (let at = first; at < first + count; at++) {
      const address = client(at)
      const { home } = this.pool.explain(address)
      const away = NAMES.find(name => name !== home) ?? ''
      this.pool.table.set(address, away)
      pins.set(address, away)
    }
    return pins
  }

  /** Waits until it was told of so many. */
  async adopted(count: number): Promise<void> {
    await this.becomes(`${count} exceptions of others`, ({ adopted: { stored, same } }) => stored + same >= count)
  }

  /** Waits until everything was told. */
  async told(count: number): Promise<void> {
    await this.becomes(
      `${count} exceptions to be told`,
      ({ published, backlog }) => published >= count && backlog === 0,
    )
  }

  async becomes(what: string, check: (status: Member['status']) => boolean): Promise<void> {
    await until(
      what,
      () => check(this.status),
      () => this.status,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.balancer.close({ timeoutMs: 0 })
  }
}
