import { clientAddress, permuted } from '../clients.ts'
import type { Cell, Measure } from '../rounds.ts'
import { equal } from './balance.ts'
import { type Bound, type BoundedPool, type BoundedSubject, limpetPool, moduloPool, type Seat } from './bounded.ts'
import { OVERFLOW, PROBES } from './theory.ts'

export const BOUNDS: readonly number[] = [1.05, 1.1, 1.25, 1.5, 2]
const BACKENDS = 100

export const BOUNDED_SUBJECTS: Readonly<Record<string, BoundedSubject>> = {
  rendezvous: limpetPool('rendezvous'),
  ring: limpetPool('ring'),
  modulo: moduloPool,
}

/**
 * The rule of the paper, to compare with what is published: one capacity for the whole fill, ceil(c·m/n), the bound of the
 * end from the beginning.
 */
export function capacityCell(subject: string, sessions: number, factor: number): Cell {
  return cell(`overflow, ${count(sessions)} sessions, capacity of the paper`, subject, factor, {
    bound: { capacity: Math.ceil(Math.round(factor * 1000 * sessions) / (1000 * BACKENDS)) },
    sessions,
    churn: 0,
    overflow: OVERFLOW[subject]?.[sessions]?.[factor],
    probes: PROBES[subject]?.[sessions]?.[factor],
  })
}

/** What a balancer does: the bound of the moment, sessions come and go, and nobody is moved back. */
export function liveCell(subject: string, sessions: number, factor: number): Cell {
  const trial = `overflow, ${count(sessions)} sessions come and go, live bound`
  return cell(trial, subject, factor, { bound: { factor }, sessions, churn: 3 * sessions })
}

interface Run {
  bound: Bound
  sessions: number
  /** Sessions that come, each when another has left, after the fill; only these are counted then. */
  churn: number
  overflow?: number | undefined
  probes?: number | undefined
}

function cell(trial: string, subject: string, factor: number, run: Run): Cell {
  const measures: readonly Measure[] = [
    { metric: 'overflow', unit: '%', better: 'lower', expected: run.overflow },
    { metric: 'probes', unit: 'a pick', better: 'lower', expected: run.probes },
    { metric: 'fullest backend', unit: '× mean', better: 'lower' },
  ]
  return {
    trial,
    subject,
    at: { name: 'bound c', value: factor },
    measures,
    run: async round => {
      const pool = BOUNDED_SUBJECTS[subject]?.(equal(BACKENDS), run.bound, round)
      if (pool === undefined) throw new RangeError(`there is no subject ${subject}`)
      try {
        return figures(pool, run, round)
      } finally {
        pool.close()
      }
    },
  }
}

function figures(pool: BoundedPool, { sessions, churn }: Run, round: number): number[] {
  const first = round * (sessions + churn)
  const held: Seat[] = []
  let away = 0
  let probes = 0
  for (let client = 0; client < sessions + churn; client++) {
    if (client === sessions) away = probes = 0
    if (client >= sessions) held.splice(permuted(client) % held.length, 1)[0]?.release()
    const seat = pool.pick(clientAddress(first + client))
    held.push(seat)
    if (seat.probes > 1) away++
    probes += seat.probes
  }
  const counted = churn === 0 ? sessions : churn
  return [(100 * away) / counted, probes / counted, fullest(held)]
}

function fullest(held: readonly Seat[]): number {
  const loads = new Map<string, number>()
  for (const { backend } of held) loads.set(backend, (loads.get(backend) ?? 0) + 1)
  return (Math.max(...loads.values()) * BACKENDS) / held.length
}

function count(sessions: number): string {
  return sessions.toLocaleString('en')
}
