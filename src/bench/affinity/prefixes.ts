import type { Cell, Measure } from '../rounds.ts'
import { prefixTrace, TRACE_GROUPS, type TraceGroup } from './prefix-trace.ts'
import { fixedWidth, type PrefixWidth, poolOfWidth } from './prefix-width.ts'

const BACKENDS = 20
export const WIDTHS: readonly PrefixWidth[] = [
  fixedWidth(48),
  fixedWidth(56),
  fixedWidth(64),
  fixedWidth(128),
  poolOfWidth(64),
  poolOfWidth(64, 'address'),
  poolOfWidth(56),
  poolOfWidth('auto'),
]

/** How many of a client's sessions go to the backend of the one before, and how full the busiest backend gets, by the width of keys. */
export function prefixCell(width: PrefixWidth): Cell {
  const kept = TRACE_GROUPS.map((group): Measure => ({ metric: `kept, ${group}`, unit: '%', better: 'higher' }))
  return {
    trial: `width of IPv6 keys, ${BACKENDS} backends`,
    subject: width.name,
    measures: [...kept, { metric: 'busiest backend', unit: '× mean', better: 'lower' }],
    run: async round => await figuresOf(width, round),
  }
}

async function figuresOf(width: PrefixWidth, round: number): Promise<number[]> {
  await using subject = width.open(BACKENDS, round)
  const loads = new Map<string, number>()
  const last = new Map<number, string>()
  const returned = new Map<TraceGroup, [kept: number, all: number]>(TRACE_GROUPS.map(group => [group, [0, 0]]))
  const ends: { at: number; run: () => void }[] = []
  let [busiest, looks] = [0, 0]
  for (const session of prefixTrace(round)) {
    while ((ends.at(-1)?.at ?? Infinity) <= session.begin) ends.pop()?.run()
    const placed = subject.place(session)
    const { backend } = placed
    loads.set(backend, (loads.get(backend) ?? 0) + 1)
    insert(ends, {
      at: session.end,
      run: () => {
        loads.set(backend, (loads.get(backend) ?? 0) - 1)
        placed.release()
      },
    })
    const before = last.get(session.client)
    const count = returned.get(session.group)
    if (before !== undefined && count !== undefined) {
      count[0] += Number(before === backend)
      count[1]++
    }
    last.set(session.client, backend)
    busiest += (Math.max(...loads.values()) * BACKENDS) / ends.length
    looks++
  }
  for (const { run } of ends) run()
  return [...returned.values()].map(([kept, all]) => (100 * kept) / all).concat(busiest / looks)
}

/** Latest first. */
function insert<T extends { at: number }>(list: T[], item: T): void {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((list[middle]?.at ?? 0) > item.at) low = middle + 1
    else high = middle
  }
  list.splice(low, 0, item)
}
