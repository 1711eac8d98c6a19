import { withoutSpace } from './optional-space.ts'

/** Of so many values of a cookie: browsers send one for each path and domain that it was set for. */
const MOST_VALUES = 8
const COOKIE = /^cookie:/i
const LF = 0x0a

/** Reads every value of a cookie from the head of a request, while that comes. */
export class CookieValues {
  readonly #name: string
  /** Where the next line begins. */
  #next = 0
  #left = MOST_VALUES
  #isOver = false

  constructor(name: string) {
    this.#name = name
  }

  /** No others will come, or would be looked at. */
  get areAll(): boolean {
    return this.#isOver || this.#left === 0
  }

  /** Those of the lines that have come since. */
  take(head: Buffer): string[] {
    const values: string[] = []
    for (let end = head.indexOf(LF, this.#next); end >= 0 && !this.areAll; end = head.indexOf(LF, this.#next)) {
      const line = head.toString('latin1', this.#next, end)
      this.#next = end + 1
      if (line === '' || line === '\r') this.#isOver = true
      else if (COOKIE.test(line)) values.push(...this.#valuesIn(line))
    }
    return values
  }

  #valuesIn(line: string): string[] {
    const pairs = line
      .slice(line.indexOf(':') + 1)
      .replace(/\r$/, '')
      .split(';')
    const values = pairs.flatMap(pair => valueIn(pair, this.#name) ?? []).slice(0, this.#left)
    this.#left -= values.length
    return values
  }
}

function valueIn(pair: string, name: string): string | undefined {
  const equals = pair.indexOf('=')
  return equals >= 0 && withoutSpace(pair.slice(0, equals)) === name ? withoutSpace(pair.slice(equals + 1)) : undefined
}
