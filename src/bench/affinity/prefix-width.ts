import type { TraceSession } from './prefix-trace.ts'

/** Which part of an address is the key. Told of every begin and end, in their order. */
export interface PrefixRule {
  readonly name: string
  keyOf(session: TraceSession, isPinned: (key: string) => boolean): string
  ended(session: TraceSession): void
}

export function fixedWidth(bits: 48 | 56 | 64 | 128): PrefixRule {
  return { name: `/${bits}`, keyOf: session => keyAt(session, bits), ended: () => undefined }
}

function keyAt({ address: { site, subnet, host } }: TraceSession, bits: 48 | 56 | 64 | 128): string {
  if (bits === 48) return `${site}`
  if (bits === 56) return `${site}:${subnet >> 8}/`
  return bits === 64 ? `${site}:${subnet}` : `${site}:${subnet}:${host}`
}

/** What is known of a /56. */
interface Block {
  seen: Set<number>
  last: number
  /** New /64s in a row, each while no other one had a session, and none of them left for one from before. */
  row: number
  live: Map<number, number>
}

/** So many in a row are one subscriber that takes them one after the other. */
const ROW = 4
/** As `kLeastSessions` of native/core/hot_keys.h, and four places as its `spread`. */
const LEAST_HOT = 16
const SPREAD = 4
/** Half of the bound of one of `backends` at 1.25. */
const HOT_SHARE = 0.5 * 1.25

/**
 * A width that adapts: /64; the /56 of it where its /64s come one after the other; a part of it where it is hot. Who has a pin by the
 * narrower key keeps it when the wider one begins to hold.
 */
export function adaptiveWidth(backends: number): PrefixRule {
  const blocks = new Map<string, Block>()
  let sessions = 0
  const blockOf = (session: TraceSession): Block => {
    const key = keyAt(session, 56)
    const known = blocks.get(key) ?? { seen: new Set(), last: -1, row: 0, live: new Map() }
    blocks.set(key, known)
    return known
  }
  return {
    name: 'adaptive',
    keyOf: (session, isPinned) => {
      const { subnet, host } = session.address
      const block = blockOf(session)
      note(block, subnet)
      sessions++
      const narrow = keyAt(session, 64)
      const live = block.live.get(subnet) ?? 0
      if (live > Math.max(LEAST_HOT, (HOT_SHARE * sessions) / backends)) {
        const place = host % SPREAD
        return place === 0 ? narrow : `${narrow}#${place}`
      }
      return block.row >= ROW && !isPinned(narrow) ? keyAt(session, 56) : narrow
    },
    ended: session => {
      const { live } = blockOf(session)
      live.set(session.address.subnet, (live.get(session.address.subnet) ?? 1) - 1)
      sessions--
    },
  }
}

/** One more session of a /64 of the block. */
function note(block: Block, subnet: number): void {
  const isAlone = [...block.live].every(([other, live]) => other === subnet || live === 0)
  if (!block.seen.has(subnet)) block.row = isAlone ? block.row + 1 : 0
  else if (subnet !== block.last) block.row = 0
  block.seen.add(subnet)
  block.last = subnet
  block.live.set(subnet, (block.live.get(subnet) ?? 0) + 1)
}
