import { quote } from '../config/text.ts'

/** What a {@link RouteFunction} is told of a connection. Frozen. */
export interface RouteConnection {
  /** Its IP address; undefined: it has none (unix socket). */
  readonly clientAddress: string | undefined
  readonly clientPort: number | undefined
  /** Name of the listener that it came to. */
  readonly listener: string | undefined
  /** The port that it connected to, before the packet filter redirected it; undefined: it has none (unix socket). */
  readonly port: number | undefined
}

/**
 * What a {@link RouteFunction} says: the name of a pool of the configuration; `undefined`, the next entry of the route decides;
 * `'more'`, the bytes end too early to tell. So a pool that is called `more` can be in no answer.
 */
export type RouteAnswer = string | undefined

/**
 * Chooses the pool of a connection by its first bytes, `head`: all that have come, a copy. It is asked again when more have come,
 * if it said `'more'`, up to `peek.bytes` and within `peek.timeout`.
 */
export type RouteFunction = (head: Buffer, connection: RouteConnection) => RouteAnswer | PromiseLike<RouteAnswer>

/** The bytes of the name that a function answered, one of `pools`. Throws where it is none of them. */
export function readPoolAnswer(
  answer: unknown,
  pools: ReadonlyMap<string, Uint8Array>,
): Uint8Array | 'more' | undefined {
  if (answer === undefined || answer === 'more') return answer
  if (typeof answer !== 'string') {
    throw new TypeError(`a route is the name of a pool or undefined, not ${answer === null ? 'null' : typeof answer}`)
  }
  const pool = pools.get(answer)
  if (pool === undefined) throw new RangeError(`no client can go to a pool ${quote(answer)} here`)
  return pool
}
