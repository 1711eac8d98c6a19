// The dialog of a change: what it would move is shown before anything is done.

import { ApiError, call, pathOf } from './api.js'
import { byId, element, setList, setText } from './dom.js'
import { share } from './figures.js'

let wanted
/** Only the newest preview is shown. */
let turn = 0

export function openChange(pool, backend, action) {
  wanted = { pool, name: backend.name, action }
  const isWeight = action === 'weight'
  setText(byId('change-title'), `${isWeight ? 'Weight' : action} of ${backend.name}`)
  setText(byId('change-confirm'), isWeight ? 'Set weight' : `Set ${action}`)
  setText(byId('change-error'), '')
  byId('weight-field').hidden = !isWeight
  byId('weight').value = String(backend.weight)
  byId('change').showModal()
  if (!isWeight) byId('change-confirm').focus()
  preview()
}

export function startChange(done) {
  byId('change-cancel').addEventListener('click', () => byId('change').close())
  byId('weight').addEventListener('input', preview)
  byId('change-form').addEventListener('submit', async event => {
    event.preventDefault()
    byId('change-confirm').disabled = true
    try {
      await call('PATCH', pathOf(wanted.pool, wanted.name), changes())
      byId('change').close()
      done()
    } catch (error) {
      setText(byId('change-error'), error.message)
    } finally {
      byId('change-confirm').disabled = false
    }
  })
}

function changes() {
  return wanted.action === 'weight' ? { weight: byId('weight').valueAsNumber } : { state: wanted.action }
}

async function preview() {
  const mine = ++turn
  const place = byId('preview')
  if (!byId('weight').checkValidity()) return place.replaceChildren()
  place.replaceChildren(element('p', { class: 'quiet' }, 'Asking what it would move …'))
  const body = { update: { [wanted.name]: changes() } }
  let shown
  try {
    shown = describe(await call('POST', `${pathOf(wanted.pool)}/plan`, body))
  } catch (error) {
    const isMissing = error instanceof ApiError && error.status === 404
    const text = isMissing ? 'This Limpet gives no preview.' : `No preview: ${error.message}`
    shown = [element('p', { class: isMissing ? 'quiet' : 'error' }, text)]
  }
  if (mine === turn) place.replaceChildren(...shown)
}

function describe({ homesMoved, pinsMoved, sessionsMoved, backends, moves }) {
  const list = element('dl', { class: 'list' })
  setList(list, [
    ['homes that move', share(homesMoved, 1)],
    ['pins that move', String(pinsMoved)],
    ['sessions that move', String(sessionsMoved)],
    ...backends.map(({ name, before, after }) => [name, `${share(before, 1)} → ${share(after, 1)}`]),
    ...moves.map(one => [`${one.from} to ${one.to}`, share(one.share, 1)]),
  ])
  return [element('h3', {}, 'Preview: nothing is changed yet'), list]
}
