// One measurement from JavaScript, in a process of its own. Prints one JSON object.
//   node --expose-gc cell.js SUBJECT PINS BACKENDS SECONDS
import { backendNames, clientAddress, permuted } from '../clients.ts'
import { NODE_SUBJECTS, type NodeSubject, type Pick, SUBJECTS } from './subjects.ts'

export type { NodeSubject }

/** What a cell prints. */
export interface CellFigures {
  /** Median over the batches. */
  perSecond: number
  /** CPU of a pick, over all batches. */
  cpuNanos: number
  /** Time from the list of backends to the first answer. */
  buildMillis: number
  /** What the process grew by, from the list of backends to a table that is full. */
  memoryKiB: number
}

const BATCH = 10_000
const WARM_UP = 200_000

const [subject = '', ...numbers] = process.argv.slice(2)
const [pins, backends, seconds] = numbers.map(Number)
const isKnown = (name: string): name is NodeSubject => NODE_SUBJECTS.some(known => known === name)
if (!isKnown(subject) || pins === undefined || backends === undefined || seconds === undefined) {
  console.error(`cell ${NODE_SUBJECTS.join('|')} PINS BACKENDS SECONDS`)
  process.exit(64)
}
console.log(JSON.stringify(measure(subject, pins, backends, seconds)))
process.exit(0)

function measure(subject: NodeSubject, pins: number, backends: number, seconds: number): CellFigures {
  const names = backendNames(backends)
  // Loads the addon, or the package, and lets the heap grow to what addresses take: no part of what is measured.
  SUBJECTS[subject](backendNames(2), 2)
  for (let client = 0; client < WARM_UP; client++) clientAddress(client)
  const before = residentBytes()
  const begin = performance.now()
  const pick = SUBJECTS[subject](names, pins)
  pick(clientAddress(0))
  const buildMillis = performance.now() - begin
  for (let client = 0; client < pins; client++) pick(clientAddress(client))
  const memoryKiB = Math.max(0, residentBytes() - before) / 1024
  return { ...rate(pick, pins, seconds), buildMillis, memoryKiB }
}

/** Clients in an order that has nothing to do with that in which they came; their addresses are made beforehand. */
function rate(pick: Pick, pins: number, seconds: number): { perSecond: number; cpuNanos: number } {
  const rates: number[] = []
  let next = 0
  let cpuMicros = 0
  for (let spent = 0; spent < seconds * 1000 || rates.length === 0; ) {
    const addresses = Array.from({ length: BATCH }, () => clientAddress(permuted(next++) % pins))
    const [before, begin] = [process.cpuUsage(), performance.now()]
    for (const address of addresses) pick(address)
    const took = performance.now() - begin
    const { user, system } = process.cpuUsage(before)
    cpuMicros += user + system
    spent += took
    rates.push((BATCH / took) * 1000)
  }
  rates.sort((left, right) => left - right)
  const perSecond = Math.round(rates[rates.length >> 1] ?? 0)
  return { perSecond, cpuNanos: (cpuMicros * 1000) / (rates.length * BATCH) }
}

function residentBytes(): number {
  // What the first one frees, the next one gives back to the system.
  for (let times = 0; times < 3; times++) globalThis.gc?.()
  return process.memoryUsage.rss()
}
