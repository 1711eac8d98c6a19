// What is computed from the API's figures; no DOM here.

/** c of a pool's settings: a number, or an object that has it; undefined: off. */
export function factorOf(boundedLoad) {
  const factor = typeof boundedLoad === 'object' ? boundedLoad?.factor : boundedLoad
  return typeof factor === 'number' ? factor : undefined
}

/** Sessions on a backend, those of other balancers too where its bound counts them. */
export function loadOf({ sessions, peerSessions = 0 }) {
  return sessions + peerSessions
}

/** Jain's index of sessions by weight: 1 is even, 1/n is all on one. Undefined: nothing to judge. */
export function fairnessOf(pool) {
  const loads = pool.backends.filter(one => one.takesNew).map(one => loadOf(one) / one.weight)
  const squares = loads.reduce((total, load) => total + load * load, 0)
  if (squares === 0) return undefined
  const total = loads.reduce((all, load) => all + load, 0)
  return (total * total) / (loads.length * squares)
}

/** Samples closer than this are no rate: an event asks for figures between two refreshes. */
const LEAST_MS = 500

/** Ten minutes of samples, a second apart. */
const MOST_SAMPLES = 600

/** Growth per second between samples of counters; one that fell is of a new process and gives nothing. */
export class Rates {
  /** Seconds since the epoch, as uPlot wants them. */
  times = []
  columns
  #last

  constructor(counters) {
    this.columns = Array.from({ length: counters }, () => [])
  }

  /**
   * @param atMs the uptime of the process
   * @returns whether there is a new value
   */
  add(counters, atMs) {
    const last = this.#last
    const isAfter = last !== undefined && atMs >= last.atMs && counters.every((one, at) => one >= last.counters[at])
    if (isAfter && atMs - last.atMs < LEAST_MS) return false
    this.#last = { counters, atMs }
    if (!isAfter) return false
    this.times.push(Date.now() / 1000)
    counters.forEach((one, at) => {
      this.columns[at].push(((one - last.counters[at]) * 1000) / (atMs - last.atMs))
    })
    if (this.times.length > MOST_SAMPLES) for (const values of [this.times, ...this.columns]) values.shift()
    return true
  }
}

export function share(part, whole) {
  return whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : '–'
}

export function short(number) {
  return number >= 100 ? Math.round(number).toLocaleString('en') : String(Math.round(number * 10) / 10)
}

/** Round numbers of bytes: 1, 2, 5, 10 … 500 of each unit. */
export const BYTE_STEPS = [0, 1, 2, 3, 4].flatMap(unit =>
  [1, 2, 5, 10, 20, 50, 100, 200, 500].map(step => step * 1024 ** unit),
)

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

/** A time in milliseconds since the epoch. */
export function clock(ms) {
  return new Date(ms).toLocaleTimeString('en-GB')
}

export function sum(numbers) {
  return numbers.reduce((total, one) => total + one, 0)
}
