import { Placement } from '../../core/placement.ts'
import type { Cell, Measure } from '../rounds.ts'
import { equal } from './balance.ts'
import { prefixTrace, TRACE_GROUPS, type TraceGroup } from './prefix-trace.ts'
import { adaptiveWidth, fixedWidth, type PrefixRule } from './prefix-width.ts'
import { secretOf } from './subjects.ts'

const BACKENDS = 20
export const WIDTHS: readonly (() => PrefixRule)[] = [
  () => fixedWidth(48),
  () => fixedWidth(56),
  () => fixedWidth(64),
  () => fixedWidth(128),
  () => adaptiveWidth(BACKENDS),
]

/** How many of a client's sessions go to the backend of the one before, and how full the busiest backend gets, by the width of keys. */
export function prefixCell(makeRule: () => PrefixRule): Cell {
  const kept = TRACE_GROUPS.map((group): Measure => ({ metric: `kept, ${group}`, unit: '%', better: 'higher' }))
  return {
    trial: `width of IPv6 keys, ${BACKENDS} backends`,
    subject: makeRule().name,
    measures: [...kept, { metric: 'busiest backend', unit: '× mean', better: 'lower' }],
    run: async round => figuresOf(makeRule(), round),
  }
}

function figuresOf(rule: PrefixRule, round: number): number[] {
  const placement = new Placement({ backends: equal(BACKENDS), secret: secretOf(round) })
  const names = equal(BACKENDS).map(({ name }) => name)
  const pins = new Map<string, number>()
  const loads = new Float64Array(BACKENDS)
  const last = new Map<number, number>()
  const returned = new Map<TraceGroup, [kept: number, all: number]>(TRACE_GROUPS.map(group => [group, [0, 0]]))
  const ends: { at: number; run: () => void }[] = []
  let [busiest, looks] = [0, 0]
  for (const session of prefixTrace(round)) {
    while ((ends.at(-1)?.at ?? Infinity) <= session.begin) ends.pop()?.run()
    const key = rule.keyOf(session, key => pins.has(key))
    const backend = pins.get(key) ?? names.indexOf(placement.home(Buffer.from(key)) ?? '')
    pins.set(key, backend)
    loads[backend] = (loads[backend] ?? 0) + 1
    insert(ends, {
      at: session.end,
      run: () => {
        loads[backend] = (loads[backend] ?? 0) - 1
        rule.ended(session)
      },
    })
    const before = last.get(session.client)
    const count = returned.get(session.group)
    if (before !== undefined && count !== undefined) {
      count[0] += Number(before === backend)
      count[1]++
    }
    last.set(session.client, backend)
    busiest += (Math.max(...loads) * BACKENDS) / ends.length
    looks++
  }
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
