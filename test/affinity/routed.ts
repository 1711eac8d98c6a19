import { Balancer, type BalancerOptions, type ListenerOptions, type RouteOptions } from '../../src/index.ts'
import { Conn, type Dial, toDial } from '../helpers/net.ts'
import { expectBalanced } from '../helpers/rig.ts'
import type { Backends } from '../helpers/servers.ts'
import { until } from '../helpers/wait.ts'

/** Backends, and pools of the same names with one of them each. */
export const NAMES = ['a', 'b', 'rest']
export const PATIENT = { timeout: '60s' }

/** A listener that chooses among pools, one for each backend, of its name. */
export function routedOptions(
  backends: Backends,
  route: RouteOptions[],
  listener: Partial<ListenerOptions> = {},
  pools: Record<string, object> = {},
): BalancerOptions {
  return {
    listeners: [{ name: 'l', bind: '127.0.0.1:0', route, peek: PATIENT, ...listener }],
    pools: Object.fromEntries(
      backends.all.map(({ name, address }) => [
        name,
        { secret: 'a secret', stickTable: { size: 1000 }, ...pools[name], backends: [{ name, address }] },
      ]),
    ),
    log: { level: 'silent' },
  }
}

/** What a test has opened. */
export class Opened {
  readonly #conns: Conn[] = []
  readonly #balancers: Balancer[] = []

  async open(options: ConstructorParameters<typeof Balancer>[0]): Promise<Balancer> {
    const balancer = new Balancer(options)
    this.#balancers.push(balancer)
    await balancer.listen()
    return balancer
  }

  async connect(balancer: Balancer, from: Dial = {}): Promise<Conn> {
    const conn = await Conn.open({ ...toDial(balancer.address()), ...from })
    this.#conns.push(conn)
    return conn
  }

  async close(): Promise<void> {
    for (const conn of this.#conns.splice(0)) conn.destroy()
    for (const balancer of this.#balancers.splice(0)) await balancer.destroy()
  }
}

/** Waits until every session has ended, and expects that all of them were counted. */
export async function ended(balancer: Balancer): Promise<void> {
  await until('the sessions to end', () => balancer.stats().sessions === 0)
  expectBalanced(balancer.stats())
}
