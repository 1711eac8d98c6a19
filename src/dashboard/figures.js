// What is computed from the API's figures; no DOM here.

/** The backends that take new keys now; backups only where nobody else may take any. */
function candidatesOf({ backends, isFailOpen }) {
  const isOut = agent => agent !== undefined && (agent.state !== 'ready' || !agent.isUp || agent.weight === 0)
  const isUp = ({ health, agent }) => !isOut(agent) && (isFailOpen || health?.status !== 'down')
  const ready = backends.filter(one => one.state === 'ready' && one.weight > 0 && isUp(one))
  const primaries = ready.filter(({ backup }) => !backup)
  const serving = primaries.length > 0 ? primaries : ready
  return serving.filter(({ maxSessions, sessions }) => maxSessions === 0 || sessions < maxSessions)
}

/** c of a pool's settings: a number, or an object that has it; undefined: off. */
export function factorOf(boundedLoad) {
  const factor = typeof boundedLoad === 'object' ? boundedLoad?.factor : boundedLoad
  return typeof factor === 'number' ? factor : undefined
}

/** Jain's index of sessions by weight: 1 is even, 1/n is all on one. Undefined: nothing to judge. */
export function fairnessOf(pool) {
  const loads = candidatesOf(pool).map(({ sessions, weight }) => sessions / weight)
  const squares = loads.reduce((total, load) => total + load * load, 0)
  if (squares === 0) return undefined
  const total = loads.reduce((all, load) => all + load, 0)
  return (total * total) / (loads.length * squares)
}

/** Samples closer than this are no rate: an event asks for figures between two refreshes. */
const LEAST_MS = 500

/** Growth per second between samples of counters; a counter that fell is of a new process and gives nothing. */
export class Rates {
  #last
  values = []

  /** @param most how many values are kept */
  constructor(most) {
    this.most = most
  }

  add(counter, atMs) {
    const last = this.#last
    const isAfter = last !== undefined && counter >= last.counter && atMs >= last.atMs
    if (isAfter && atMs - last.atMs < LEAST_MS) return
    this.#last = { counter, atMs }
    if (!isAfter) return
    this.values.push(((counter - last.counter) * 1000) / (atMs - last.atMs))
    if (this.values.length > this.most) this.values.shift()
  }
}

export function share(part, whole) {
  return whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : '–'
}

export function short(number) {
  return number >= 100 ? Math.round(number).toLocaleString('en') : String(Math.round(number * 10) / 10)
}

export function bytes(number) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  for (; number >= 1024 && unit < units.length - 1; unit++) number /= 1024
  return `${short(number)} ${units[unit]}`
}

export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86400)} d`
}

export function sum(list, key) {
  return list.reduce((total, one) => total + one[key], 0)
}
