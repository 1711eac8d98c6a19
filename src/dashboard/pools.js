// Pools and their backends. Elements are made once and kept: focus stays, and nothing moves at a refresh.

import { byId, element, setList, setText, svg } from './dom.js'
import { bytes, duration, factorOf, fairnessOf, share, sum } from './figures.js'
import { History } from './history.js'

const ACTIONS = ['drain', 'ready', 'maint', 'weight']
const pools = new Map()

export function showPools(all, config, change) {
  keepOnly(pools, Object.keys(all))
  for (const [name, pool] of Object.entries(all)) {
    if (!pools.has(name)) pools.set(name, createPool(name))
    showPool(pools.get(name), name, pool, factorOf(config.pools?.[name]?.boundedLoad), change)
  }
}

function keepOnly(shown, names) {
  for (const [name, { root }] of shown) {
    if (names.includes(name)) continue
    root.remove()
    shown.delete(name)
  }
}

function createPool(name) {
  const parts = {
    summary: element('p', { class: 'quiet' }),
    list: element('ul', { class: 'backends' }),
    decisions: element('dl', { class: 'list' }),
    affinity: element('dl', { class: 'list' }),
    table: element('dl', { class: 'list' }),
    backends: new Map(),
  }
  const details = [
    ['Decisions by reason', parts.decisions],
    ['Affinity', parts.affinity],
    ['Stick table', parts.table],
  ].map(([title, list]) => element('div', {}, element('h3', {}, title), list))
  const head = element('div', { class: 'pool-head' }, element('h2', { class: 'pool-name' }, name), parts.summary)
  parts.root = element('section', { class: 'card', 'aria-label': `Pool ${name}` }, head, parts.list)
  parts.root.append(element('div', { class: 'details' }, ...details))
  byId('pools').append(parts.root)
  return parts
}

function showPool(parts, name, pool, factor, change) {
  const most = pool.backends.reduce((top, { sessions, bound }) => Math.max(top, sessions, bound ?? 0), 1)
  const limit = factor === undefined ? 'no bound' : `bound ${factor} × fair share`
  const open = pool.isFailOpen ? ' · checks are not believed: too few backends are up' : ''
  setText(parts.summary, `${sum(pool.backends, 'sessions')} sessions · ${limit}${open}`)
  keepOnly(
    parts.backends,
    pool.backends.map(one => one.name),
  )
  pool.backends.forEach(backend => {
    if (!parts.backends.has(backend.name)) {
      const row = createBackend(backend.name, action => change(name, parts.backends.get(backend.name).latest, action))
      parts.backends.set(backend.name, row)
      parts.list.append(row.root)
    }
    showBackend(parts.backends.get(backend.name), backend, most)
  })
  showDetails(parts, pool)
}

function createBackend(name, act) {
  const parts = {
    address: element('div', { class: 'quiet' }),
    state: element('span', { class: 'badge' }),
    reason: element('div', { class: 'quiet reason' }),
    fill: svg('rect', { class: 'fill', height: 16, rx: 4 }),
    bound: svg('rect', { class: 'bound', y: -3, width: 3, height: 22 }),
    sessions: element('div', { class: 'quiet' }),
    history: new History(),
  }
  const track = svg('rect', { class: 'track', width: '100%', height: 16, rx: 4 })
  parts.picture = svg('svg', { role: 'img' }, track, parts.fill, parts.bound)
  parts.load = element('div', { class: 'load' }, parts.picture, parts.sessions)
  parts.buttons = ACTIONS.map(action => {
    const button = element(
      'button',
      { type: 'button', 'data-action': action, 'aria-label': `${action} ${name}` },
      action,
    )
    button.addEventListener('click', () => act(action))
    return button
  })
  const who = element('div', {}, element('div', { class: 'name' }, name), parts.address)
  const state = element('div', {}, parts.state, parts.reason, parts.history.root)
  const buttons = element('div', { class: 'buttons' }, ...parts.buttons)
  parts.root = element('li', { class: 'backend', tabindex: 0, 'aria-label': `Backend ${name}` })
  parts.root.append(who, state, parts.load, buttons)
  return parts
}

function showBackend(parts, backend, most) {
  parts.latest = backend
  const { address, weight, backup, state, health, sessions, bound, connectFailures } = backend
  setText(parts.address, `${address} · weight ${weight}${backup ? ' · backup' : ''}`)
  const [text, tone] = stateOf(state, health)
  setText(parts.state, text)
  parts.state.className = `badge ${tone}`
  parts.history.add(tone, performance.now())
  const since = health?.since === undefined ? '' : `for ${duration(Date.now() - health.since)}`
  setText(parts.reason, [health?.reason, since].filter(Boolean).join(' · '))
  // A little room behind the largest, so that its bound is seen as a mark.
  const percent = number => `${(96 * number) / most}%`
  parts.fill.setAttribute('width', percent(sessions))
  parts.bound.setAttribute('x', percent(bound ?? 0))
  parts.bound.setAttribute('visibility', bound === null ? 'hidden' : 'visible')
  parts.load.classList.toggle('off', bound === null)
  parts.load.classList.toggle('full', bound !== null && sessions >= bound)
  const load = `${sessions} sessions${bound === null ? '' : `, bound ${bound}`}`
  parts.picture.setAttribute('aria-label', load)
  const failures = connectFailures > 0 ? ` · ${connectFailures} failed connects` : ''
  setText(parts.sessions, `${load}${failures}`)
  for (const button of parts.buttons) button.disabled = button.dataset.action === state
}

function stateOf(state, health) {
  if (state !== 'ready') return [health?.status === 'down' ? `${state}, down` : state, 'warn']
  if (health?.ejectedUntil !== undefined) return ['ejected', 'bad']
  if (health?.status === 'down') return ['down', 'bad']
  if (health?.status === 'unknown') return ['not checked yet', 'warn']
  return [health === undefined ? 'ready' : 'up', 'good']
}

function showDetails(parts, pool) {
  const { decisions, refused, table } = pool
  const all = Object.values(decisions).reduce((total, count) => total + count, 0)
  const told = (count, isShare) => count.toLocaleString('en') + (isShare ? ` · ${share(count, all)}` : '')
  const rows = Object.entries({ ...decisions, ...refused })
  setList(
    parts.decisions,
    rows.map(([reason, count]) => [reason, told(count, reason in decisions)]),
  )
  const fairness = fairnessOf(pool)
  const broken = ['overflow', 'failover', 'redispatch', 'returned'].filter(reason => reason in decisions)
  setList(parts.affinity, [
    ['found in the table', share(table.hits, table.hits + table.misses)],
    ...broken.map(reason => [reason, share(decisions[reason], all)]),
    ['fairness (1 is even)', fairness === undefined ? '–' : fairness.toFixed(3)],
  ])
  const { evicted } = table
  setList(parts.table, [
    ['filled', share(table.entries, table.capacity)],
    ['entries', `${table.entries.toLocaleString('en')} of ${table.capacity.toLocaleString('en')}`],
    ['memory', bytes(table.bytes)],
    [
      'displaced',
      Object.values(evicted)
        .reduce((total, count) => total + count, 0)
        .toLocaleString('en'),
    ],
    ['not stored', table.rejected.toLocaleString('en')],
  ])
}
