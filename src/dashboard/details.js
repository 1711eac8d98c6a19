// What is told of a pool beside its backends.

import { Chart } from './chart.js'
import { element, setList } from './dom.js'
import { bytes, duration, fairnessOf, Rates, share, short, sum } from './figures.js'
import { Homes } from './homes.js'

/** Of decisions, by their reason. */
const REASONS = ['pin', 'home', 'overflow', 'failover', 'redispatch', 'nokey', 'returned', 'cookie']
const BROKEN = ['overflow', 'failover', 'redispatch']

export class Details {
  root = element('div', { class: 'details' })
  #chart = new Chart(
    REASONS.map(reason => [reason, `--${reason}`]),
    short,
    { isWide: true },
  )
  #rates = new Rates(REASONS.length)
  #decisions = list()
  #affinity = list()
  #table = list()
  #homes

  constructor(pool) {
    this.#homes = new Homes(pool)
    this.root.append(
      part('Decisions per second, by reason', this.#chart.root, 'wide'),
      part('Decisions since the start', this.#decisions),
      part('Who is home where', this.#homes.root, 'wide'),
      part('Affinity', this.#affinity),
      part('Hottest keys', this.#homes.hottest, 'wide'),
      part('Stick table', this.#table),
    )
  }

  show(pool, atMs) {
    const { decisions, refused, table, queue } = pool
    const isNew = this.#rates.add(
      REASONS.map(reason => decisions[reason]),
      atMs,
    )
    if (isNew) this.#chart.show(this.#rates.times, this.#rates.columns, short)
    const all = sum(Object.values(decisions))
    setList(this.#decisions, [
      ...Object.entries(decisions).map(([reason, count]) => [reason, `${whole(count)} · ${share(count, all)}`]),
      ...Object.entries(refused).map(([reason, count]) => [`refused: ${reason}`, whole(count)]),
      ...(queue?.waiting + queue?.waited > 0 ? [['waiting for a seat', whole(queue.waiting)]] : []),
    ])
    setList(this.#affinity, affinityOf(pool, all))
    setList(this.#table, tableOf(table))
    this.#homes.refresh(pool)
  }
}

function affinityOf({ table, decisions, lastMove, ...pool }, all) {
  const fairness = fairnessOf(pool)
  const moved = lastMove && [
    ['homes moved by the last change', share(lastMove.homesMoved, 1)],
    ['pins moved by it', whole(lastMove.pinsMoved)],
    ['that was', `${duration(Date.now() - lastMove.time)} ago`],
  ]
  return [
    ['found in the table', share(table.hits, table.hits + table.misses)],
    ...BROKEN.map(reason => [`sent elsewhere: ${reason}`, share(decisions[reason], all)]),
    ['brought home again', share(decisions.returned, all)],
    ['fairness (1 is even)', fairness === undefined ? '–' : fairness.toFixed(3)],
    ...(moved ?? []),
  ]
}

function tableOf({ entries, capacity, bytes: memory, evicted, rejected, file }) {
  if (capacity === 0) return [['off', 'clients go home each time']]
  const restored = file && [
    ['file opened', file.generation === 1 ? 'for the first time' : `${whole(file.generation)} times`],
    ['pins that came back', whole(file.restored)],
    ['pins dropped then', whole(file.dropped)],
    ['buckets cleared then', whole(file.torn)],
    ['files set aside', whole(file.setAside)],
  ]
  return [
    ['filled', share(entries, capacity)],
    ['entries', `${whole(entries)} of ${whole(capacity)}`],
    ['memory', bytes(memory)],
    ['displaced', whole(sum(Object.values(evicted)))],
    ['not stored', whole(rejected)],
    ...(restored ?? []),
  ]
}

const whole = count => count.toLocaleString('en')

function list() {
  return element('dl', { class: 'list' })
}

function part(title, content, kind = '') {
  return element('div', { class: `part ${kind}` }, element('h3', {}, title), content)
}
