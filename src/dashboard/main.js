import { ApiError, call, keepToken, pathOf, readEvents } from './api.js'
import { openChange, startChange } from './change.js'
import { Chart } from './chart.js'
import { showCluster } from './cluster.js'
import { byId, element, setList, setText } from './dom.js'
import { BYTE_STEPS, bytes, duration, Rates, share, short, sum } from './figures.js'
import { showPools } from './pools.js'

const REFRESH_MS = 1000
const MOST_WAIT_MS = 15_000
const STREAM_WAIT_MS = 2000
const MOST_EVENTS = 200

const sessionRates = new Rates(1)
const sessionChart = new Chart([['new sessions', '--bar']], short)
const byteRates = new Rates(2)
const byteChart = new Chart(
  [
    ['to clients', '--to-client'],
    ['to backends', '--to-backend'],
  ],
  bytes,
  { incrs: BYTE_STEPS },
)
let config
let waitMs = REFRESH_MS
let next
let isBusy = false
let isStale = false
/** Ends the event stream that is read now. */
let stream

async function refresh() {
  clearTimeout(next)
  isStale = isBusy
  if (isBusy) return
  isBusy = true
  try {
    config ??= await call('GET', 'v1/config')
    show(await call('GET', 'v1/status'))
    waitMs = REFRESH_MS
    setConnection('live', 'live')
    if (stream === undefined) follow()
  } catch (error) {
    if (isLogin(error)) return
    config = undefined
    stream?.abort()
    waitMs = Math.min(2 * waitMs, MOST_WAIT_MS)
    const reason = error instanceof ApiError ? error.message : 'connection lost'
    setConnection('lost', `${reason}; next try in ${waitMs / 1000} s`)
  } finally {
    isBusy = false
    if (!byId('login').open) next = setTimeout(refresh, isStale ? 0 : waitMs)
  }
}

/** A missing or wrong token: the refreshing waits until one is given. */
function isLogin(error) {
  if (!(error instanceof ApiError) || error.status !== 401) return false
  setConnection('lost', 'a token is needed')
  setText(byId('login-error'), sessionStorage.length === 0 ? '' : error.message)
  byId('login').showModal()
  return true
}

function setConnection(state, text) {
  byId('connection').dataset.state = state
  setText(byId('connection'), text)
}

function show({ version, uptimeMs, generation, status, stats }) {
  const { counters, fdBudget } = stats
  setText(byId('about'), `${version} · ${status} for ${duration(uptimeMs)} · generation ${generation}`)
  setText(byId('sessions'), stats.sessions.toLocaleString('en'))
  setText(byId('descriptors'), `${fdBudget.used} of ${fdBudget.limit} file descriptors`)
  if (sessionRates.add([counters.opened], uptimeMs)) showRates('session', sessionChart, sessionRates, short)
  if (byteRates.add([counters.bytesToClient, counters.bytesToBackend], uptimeMs))
    showRates('byte', byteChart, byteRates, bytes)
  showCluster(stats.cluster)
  showPools(stats.pools, config, uptimeMs, openChange)
  showNames(Object.keys(stats.pools))
}

function showRates(name, chart, { times, columns }, format) {
  setText(byId(`${name}-rate`), format(sum(columns.map(values => values.at(-1)))))
  chart.show(times, columns, format)
}

function showNames(names) {
  const select = byId('pool')
  if (names.join('\n') === [...select.options].map(option => option.value).join('\n')) return
  select.replaceChildren(...names.map(name => element('option', { value: name }, name)))
}

/** The refreshing starts it anew after it ended. */
async function follow() {
  stream = new AbortController()
  try {
    await readEvents(tell, stream.signal)
  } catch (error) {
    // Lost connections and tokens are told by the refreshing.
    if (error instanceof ApiError && error.status !== 401) add(`no events: ${error.message}`, 'bad')
  } finally {
    setTimeout(() => {
      stream = undefined
    }, STREAM_WAIT_MS)
  }
}

const TOLD = {
  backendUp: ['is up', 'good'],
  backendDown: ['is down', 'bad'],
  backendEjected: ['is ejected', 'bad'],
  backendReadmitted: ['is back', 'good'],
  backendAdded: ['was added', ''],
  backendRemoved: ['was removed', ''],
}

function tell(event, data) {
  if (event === 'hello' && data.missed) add('events were missed meanwhile', 'warn')
  if (event === 'hello') return
  config = undefined
  refresh()
  if (event === 'clientsMoved') return add(movedText(data), '')
  if (event === 'reloaded') return add(`reloaded, generation ${data.generation}`, '')
  if (event === 'backendAgent')
    return add(`${data.pool} / ${data.name}: its agent says ${agentWords(data.agent)}`, 'warn')
  const [text, tone] = TOLD[event] ?? [`is ${data.state}, weight ${data.weight}`, 'warn']
  add([`${data.pool} / ${data.name} ${text}`, data.reason].filter(Boolean).join(': '), tone)
}

function agentWords({ state, isUp, weight, maxSessions }) {
  const limit = maxSessions === 0 ? [] : [`at most ${maxSessions} sessions`]
  return [isUp ? 'up' : 'down', state, `${weight} % of its weight`, ...limit].join(', ')
}

function movedText({ pool, homesMoved, pinsMoved }) {
  const pins = pinsMoved > 0 ? `, ${pinsMoved.toLocaleString('en')} pins` : ''
  return `${pool}: ${share(homesMoved, 1)} of the homes moved${pins}`
}

function add(text, tone) {
  const list = byId('timeline')
  if (list.querySelector('time') === null) list.replaceChildren()
  const at = new Date()
  const time = element('time', { datetime: at.toISOString() }, at.toLocaleTimeString('en-GB'))
  list.prepend(element('li', {}, time, element('span', tone === '' ? {} : { class: tone }, text)))
  while (list.children.length > MOST_EVENTS) list.lastChild.remove()
}

async function explain(event) {
  event.preventDefault()
  const place = byId('explanation')
  try {
    const address = encodeURIComponent(byId('address').value.trim())
    const told = await call('GET', `${pathOf(byId('pool').value)}/explain?address=${address}`)
    const list = element('dl', { class: 'list' })
    setList(list, [
      ['key', told.key],
      ['home', told.home ?? 'none: no backend has a weight'],
      ['pin', pinOf(told.pin)],
      ['next connection', nextOf(told.next)],
      ['order', told.order.join(', ')],
    ])
    place.replaceChildren(list)
  } catch (error) {
    place.replaceChildren(element('p', { class: 'error' }, error.message))
  }
}

function pinOf(pin) {
  if (pin === undefined) return 'none'
  const expiry = typeof pin.expiresInMs === 'number' ? `expires in ${duration(pin.expiresInMs)}` : 'a session lives'
  return `${pin.backend}, ${expiry}`
}

function nextOf(next) {
  if (next === undefined) return 'nobody, or not known'
  const load = next.bound === null ? `${next.sessions} sessions` : `${next.sessions} sessions, bound ${next.bound}`
  return `${next.backend}, ${next.reason} (${load})`
}

const ACTIONS = { d: 'drain', r: 'ready', m: 'maint', w: 'weight' }

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (event.target.matches('input, select') || document.querySelector('dialog[open]') !== null) return
  const backend = event.target.closest('.backend')
  if (event.key === '/') byId('address').focus()
  else if (event.key === '?') byId('help').showModal()
  else if (event.key === 'j' || event.key === 'k') step(backend, event.key === 'j' ? 1 : -1)
  else if (event.key in ACTIONS && backend !== null)
    backend.querySelector(`[data-action=${ACTIONS[event.key]}]`).click()
  else return
  event.preventDefault()
}

function step(backend, by) {
  const all = [...document.querySelectorAll('.backend')]
  const at = backend === null ? -Math.min(by, 0) - 1 : all.indexOf(backend)
  all.at((at + by + all.length) % all.length)?.focus()
}

byId('session-chart').append(sessionChart.root)
byId('byte-chart').append(byteChart.root)
byId('login').addEventListener('cancel', event => event.preventDefault())
byId('login-form').addEventListener('submit', event => {
  event.preventDefault()
  keepToken(byId('token').value)
  byId('token').value = ''
  byId('login').close()
  refresh()
})
byId('help-button').addEventListener('click', () => byId('help').showModal())
byId('search').addEventListener('submit', explain)
document.addEventListener('keydown', key)
startChange(refresh)
refresh()
