// Pools and their backends. Elements are made once and kept: focus stays, and nothing moves at a refresh.

import { Details } from './details.js'
import { byId, element, setText, svg } from './dom.js'
import { duration, factorOf, sum } from './figures.js'
import { History } from './history.js'

const ACTIONS = ['drain', 'ready', 'maint', 'weight']
const pools = new Map()

export function showPools(all, config, atMs, change) {
  keepOnly(pools, Object.keys(all))
  for (const [name, pool] of Object.entries(all)) {
    if (!pools.has(name)) pools.set(name, createPool(name))
    showPool(pools.get(name), name, pool, factorOf(config.pools?.[name]?.boundedLoad), change)
    pools.get(name).details.show(pool, atMs)
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
    details: new Details(name),
    backends: new Map(),
  }
  const head = element('div', { class: 'pool-head' }, element('h2', { class: 'pool-name' }, name), parts.summary)
  parts.root = element('section', { class: 'card', 'aria-label': `Pool ${name}` }, head, parts.list)
  parts.root.append(parts.details.root)
  byId('pools').append(parts.root)
  return parts
}

function showPool(parts, name, pool, factor, change) {
  const most = pool.backends.reduce((top, { sessions, bound }) => Math.max(top, sessions, bound ?? 0), 1)
  const limit = factor === undefined ? 'no bound' : `bound ${factor} × fair share`
  const open = pool.isFailOpen ? ' · checks are not believed: too few backends are up' : ''
  setText(
    parts.summary,
    `${sum(pool.backends.map(one => one.sessions))} sessions · ${limit}${open}${foundText(pool.discovery)}`,
  )
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
}

/** Where its backends are found. */
function foundText(discovery) {
  if (discovery === undefined) return ''
  const { source, found, isFresh, error } = discovery
  return ` · ${found} found by ${source}${isFresh ? '' : `, earlier: ${error ?? 'not looked yet'}`}`
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
  const { address, weight, backup, state, health, agent, sessions, peerSessions, bound, connectFailures } = backend
  setText(parts.address, `${address} · weight ${weight}${backup ? ' · backup' : ''}${agentText(agent)}`)
  const [text, tone] = stateOf(state, health, agent)
  setText(parts.state, text)
  parts.state.className = `badge ${tone}`
  parts.history.add(text, tone, health?.since, Date.now())
  const since = health?.since === undefined ? '' : `for ${duration(Date.now() - health.since)}`
  setText(parts.reason, [agent?.reason, health?.reason, since].filter(Boolean).join(' · '))
  // A little room behind the largest, so that its bound is seen as a mark.
  const percent = number => `${(96 * number) / most}%`
  parts.fill.setAttribute('width', percent(sessions))
  parts.bound.setAttribute('x', percent(bound ?? 0))
  parts.bound.setAttribute('visibility', bound === null ? 'hidden' : 'visible')
  parts.load.classList.toggle('off', bound === null)
  parts.load.classList.toggle('full', bound !== null && sessions >= bound)
  const others = peerSessions === undefined ? '' : `, ${peerSessions} of other balancers`
  const load = `${sessions} sessions${bound === null ? '' : `, bound ${bound}`}${others}`
  parts.picture.setAttribute('aria-label', load)
  const failures = connectFailures > 0 ? ` · ${connectFailures} failed connects` : ''
  setText(parts.sessions, `${load}${failures}`)
  for (const button of parts.buttons) button.disabled = button.dataset.action === state
}

function agentText(agent) {
  if (agent === undefined) return ''
  const share = agent.weight === 100 ? '' : ` · ${agent.weight} % by its agent`
  const limit = agent.maxSessions === 0 ? '' : ` · at most ${agent.maxSessions} by its agent`
  return `${share}${limit}${agent.isReached ? '' : ' · its agent does not answer'}`
}

function stateOf(state, health, agent) {
  if (state !== 'ready') return [health?.status === 'down' ? `${state}, down` : state, 'warn']
  if (agent?.isUp === false) return ['down, says its agent', 'bad']
  if (agent !== undefined && agent.state !== 'ready') return [`${agent.state}, says its agent`, 'warn']
  if (health?.ejectedUntil !== undefined) return ['ejected', 'bad']
  if (health?.status === 'down') return ['down', 'bad']
  if (health?.status === 'unknown') return ['not checked yet', 'warn']
  return [health === undefined ? 'ready' : 'up', 'good']
}
