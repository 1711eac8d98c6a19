/** The upper ends of buckets, inclusive, in what the native relay counts; the bounds are those of `native/relay/durations.h`. */
const CONNECT_US = [
  100, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
] as const
const SESSION_MS = [
  10, 100, 500, 1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 14_400_000, 43_200_000, 86_400_000,
  604_800_000,
] as const

/** One histogram in a row of columns: its buckets, the one for what took longer, and the sum. */
interface Layout {
  first: number
  bounds: readonly number[]
  perSecond: number
}
const CONNECT: Layout = { first: 0, bounds: CONNECT_US, perSecond: 1_000_000 }
const SESSION: Layout = { first: CONNECT_US.length + 2, bounds: SESSION_MS, perSecond: 1000 }
/** Columns of both, at the end of each row of the native relay's counters. */
const COLUMNS = SESSION.first + SESSION.bounds.length + 2

/** How long something took, in seconds. Counts only grow. */
export interface Histogram {
  /** The upper ends of the buckets, inclusive, in seconds. */
  bounds: number[]
  /** What fell into each bucket, and not into one before; one more than there are bounds: what took longer. */
  counts: number[]
  /** Of all, in seconds. */
  sum: number
}

/** How long what sessions do took. */
export interface Durations {
  /** The connect to the backend that a session was joined to. */
  connect: Histogram
  /** Sessions that were joined to a backend and have ended, from the accept on. */
  session: Histogram
}

/** Both histograms as they are counted. */
export class DurationColumns {
  readonly #columns = new Float64Array(COLUMNS)

  countConnect(milliseconds: number): void {
    this.#count(CONNECT, milliseconds * 1000)
  }

  countSession(milliseconds: number): void {
    this.#count(SESSION, milliseconds)
  }

  /** Adds what native threads have counted: rows of `stride` columns, of which these are the last. */
  addRows(counters: BigUint64Array, stride: number): this {
    for (let row = stride; row <= counters.length; row += stride) {
      for (let column = 0; column < COLUMNS; column++) this.#add(column, Number(counters[row - COLUMNS + column]))
    }
    return this
  }

  /** The sum of these and others. */
  plus(other: DurationColumns): DurationColumns {
    const sum = new DurationColumns()
    for (let column = 0; column < COLUMNS; column++)
      sum.#add(column, (this.#columns[column] ?? 0) + (other.#columns[column] ?? 0))
    return sum
  }

  told(): Durations {
    return { connect: this.#histogram(CONNECT), session: this.#histogram(SESSION) }
  }

  #count({ first, bounds }: Layout, duration: number): void {
    const found = bounds.findIndex(bound => duration <= bound)
    this.#add(first + (found < 0 ? bounds.length : found), 1)
    this.#add(first + bounds.length + 1, duration)
  }

  #add(column: number, by: number): void {
    this.#columns[column] = (this.#columns[column] ?? 0) + by
  }

  #histogram({ first, bounds, perSecond }: Layout): Histogram {
    const behind = first + bounds.length + 1
    return {
      bounds: bounds.map(bound => bound / perSecond),
      counts: Array.from(this.#columns.subarray(first, behind)),
      sum: (this.#columns[behind] ?? 0) / perSecond,
    }
  }
}
