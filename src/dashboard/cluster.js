// The balancers that share exceptions with this one; hidden where there are none to share with.

import { byId, setList, setText } from './dom.js'
import { duration } from './figures.js'

export function showCluster(cluster) {
  byId('cluster').hidden = cluster === undefined
  if (cluster === undefined) return
  const { store, isSynced, error, member, members, backlog, dropped, published, adopted } = cluster
  setText(byId('cluster-store'), `${store} · as ${member}`)
  const state = byId('cluster-state')
  state.className = `badge ${isSynced && error === undefined ? 'good' : 'bad'}`
  setText(state, isSynced ? 'synced' : 'not synced')
  setText(byId('cluster-error'), error ?? '')
  setList(byId('cluster-members'), members.map(rowOf))
  setList(byId('cluster-figures'), [
    ['exceptions to tell', whole(backlog)],
    ['told', whole(published)],
    ['taken over', whole(adopted.stored)],
    ...(dropped > 0 ? [['lost from the queue', whole(dropped)]] : []),
  ])
}

function rowOf({ name, ageMs, isLive, version, differences }) {
  const seen = isLive ? 'lives' : `not seen for ${duration(ageMs)}`
  const agrees = differences.length === 0 ? 'same homes' : `other homes: ${differences.join('; ')}`
  return [name, `${seen} · ${version} · ${agrees}`]
}

function whole(number) {
  return number.toLocaleString('en')
}
