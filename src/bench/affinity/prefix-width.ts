import { Placement } from '../../core/placement.ts'
import { Balancer } from '../../index.ts'
import { equal } from './balance.ts'
import type { TraceSession } from './prefix-trace.ts'
import { secretOf } from './subjects.ts'

/** Places the sessions of the trace, in the order of their begins. */
export interface PrefixSubject extends AsyncDisposable {
  /** `release`: the session has ended. */
  place(session: TraceSession): { backend: string; release(): void }
}

export interface PrefixWidth {
  readonly name: string
  open(backends: number, round: number): PrefixSubject
}

/** Homes by a prefix of this length, and nothing beside them. */
export function fixedWidth(bits: 48 | 56 | 64 | 128): PrefixWidth {
  return {
    name: `/${bits}`,
    open: (backends, round) => {
      const placement = new Placement({ backends: equal(backends), secret: secretOf(round), ipv6Prefix: bits })
      return {
        place: session => ({ backend: placement.home(addressOf(session)) ?? '', release: () => undefined }),
        [Symbol.asyncDispose]: async () => undefined,
      }
    },
  }
}

/** A pool as it runs, with its default bound and table. */
export function poolOfWidth(ipv6Prefix: 56 | 64 | 'auto', by: 'address' | 'off' = 'off'): PrefixWidth {
  const hotKey = by === 'off' ? by : { by }
  return {
    name: `pool, ${ipv6Prefix}${by === 'off' ? '' : ', hotKey'}`,
    open: (backends, round) => {
      const members = equal(backends).map(({ name }) => ({ name, address: '127.0.0.1:1' }))
      const pool = { secret: secretOf(round), affinity: { ipv6Prefix, hotKey }, backends: members }
      const balancer = new Balancer({ pools: { width: pool } })
      return {
        place: session => balancer.pick(addressOf(session)),
        [Symbol.asyncDispose]: async () => await balancer[Symbol.asyncDispose](),
      }
    },
  }
}

function addressOf({ address: { site, subnet, host } }: TraceSession): string {
  const groups = [0x2001, site >> 16, site & 0xffff, subnet].map(group => group.toString(16))
  return `${groups.join(':')}::${host.toString(16)}`
}
