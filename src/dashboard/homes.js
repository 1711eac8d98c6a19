// Who is home where: the share of the keys that is at home at each backend, and where the sessions of these keys are.

import { call, pathOf } from './api.js'
import { element, setText, svg } from './dom.js'
import { share } from './figures.js'

/** All live keys are looked at for it. */
const EVERY_MS = 5000
const TOP = 5

export class Homes {
  root = element('ul', { class: 'homes' })
  hottest = element('ol', { class: 'hottest' })
  #pool
  #rows = new Map()
  #shares = new Map()
  /** The membership that those are of. */
  #digest
  #askedMs = Number.NEGATIVE_INFINITY

  constructor(pool) {
    this.#pool = pool
  }

  /** Asks for what is not known, or was asked long ago. */
  async refresh({ digest, table, backends }) {
    const nowMs = performance.now()
    const isChanged = this.#digest !== undefined && digest !== this.#digest
    if (!isChanged && nowMs - this.#askedMs < EVERY_MS) return
    const isNew = digest !== this.#digest
    this.#askedMs = nowMs
    this.#digest = digest
    try {
      if (isNew) this.#shares = await sharesOf(this.#pool)
      const told = table.capacity === 0 ? NOBODY : await call('GET', `${pathOf(this.#pool)}/keys?top=${TOP}`)
      this.#show(told, backends)
      this.#showHottest(told, table.capacity > 0)
    } catch {
      // The status is asked of the same server, and tells what is wrong with it. This is asked anew a little later.
      this.#digest = undefined
    }
  }

  #show({ places }, backends) {
    const names = backends.map(one => one.name).filter(name => this.#shares.get(name) > 0)
    for (const [name, row] of this.#rows) {
      if (names.includes(name)) continue
      row.root.remove()
      this.#rows.delete(name)
    }
    const found = new Map(names.map(name => [name, placesOf(places, name)]))
    const most = Math.max(1, ...[...found.values()].map(one => one.here + one.away))
    for (const [name, one] of found) {
      if (!this.#rows.has(name)) this.#rows.set(name, this.#add(name))
      showRow(this.#rows.get(name), this.#shares.get(name), one, most)
    }
  }

  #add(name) {
    const row = {
      here: svg('rect', { class: 'here', height: 10 }),
      away: svg('rect', { class: 'away', height: 10 }),
      text: element('span', { class: 'quiet' }),
    }
    const track = svg('rect', { class: 'track', width: '100%', height: 10 })
    row.picture = svg('svg', { role: 'img' }, track, row.here, row.away)
    row.root = element(
      'li',
      { 'aria-label': `Home ${name}` },
      element('span', { class: 'name' }, name),
      row.text,
      row.picture,
    )
    this.root.append(row.root)
    return row
  }

  #showHottest({ hottest }, hasTable) {
    const none = hasTable ? 'No session lives.' : 'Only counted beside a stick table.'
    const items = hottest.map(({ key, sessions, home, backends }) => {
      const where = backends.map(one => `${one.name} ${one.sessions}`).join(', ')
      const rest = `${sessions} · home ${home ?? '–'} · on ${where}`
      return element('li', {}, element('span', { class: 'key' }, key), ' ', element('span', { class: 'quiet' }, rest))
    })
    this.hottest.replaceChildren(...(items.length > 0 ? items : [element('li', { class: 'quiet' }, none)]))
  }
}

const NOBODY = { places: [], hottest: [] }

/** A plan of no change tells how the homes are. */
async function sharesOf(pool) {
  const { backends } = await call('POST', `${pathOf(pool)}/plan`, {})
  return new Map(backends.map(({ name, before }) => [name, before]))
}

function placesOf(places, name) {
  const own = places.filter(({ home }) => home === name)
  const elsewhere = own.filter(({ backend }) => backend !== name).sort((left, right) => right.sessions - left.sessions)
  const here = own.find(({ backend }) => backend === name)?.sessions ?? 0
  return { here, away: elsewhere.reduce((sum, { sessions }) => sum + sessions, 0), elsewhere }
}

function showRow(row, part, { here, away, elsewhere }, most) {
  const percent = number => `${(100 * number) / most}%`
  row.here.setAttribute('width', percent(here))
  row.away.setAttribute('x', percent(here))
  row.away.setAttribute('width', percent(away))
  const where = elsewhere.map(({ backend, sessions }) => `${backend} ${sessions}`).join(', ')
  const text = `${share(part, 1)} of the keys · ${here} sessions at home${away > 0 ? `, elsewhere: ${where}` : ''}`
  row.picture.setAttribute('aria-label', text)
  setText(row.text, text)
}
