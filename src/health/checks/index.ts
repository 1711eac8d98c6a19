import type { ResolvedHealth } from '../../config/resolved.ts'
import type { Check } from '../check.ts'
import { Conversation } from './conversation.ts'
import { expectCheck, longestOf } from './expect.ts'
import { httpCheck } from './http.ts'
import { postgresCheck } from './postgres.ts'

/** A check, and how long it may take at most, in milliseconds. */
export interface TimedCheck {
  check: Check
  longestMs: number
}

/** The check that a pool's settings describe. */
export function checkOf(health: ResolvedHealth): TimedCheck {
  const { type, timeout } = health
  if (type === 'expect') return { check: expectCheck(health), longestMs: longestOf(health) }
  return { check: simpleCheck(health), longestMs: timeout }
}

function simpleCheck(health: ResolvedHealth): Check {
  const { type, tls, timeout } = health
  switch (type) {
    case 'http':
    case 'https':
      return httpCheck(health)
    case 'postgres':
      return postgresCheck(tls)
    case 'redis':
      // A server that wants a password, or is loading its data, says so with "-": NOAUTH is well, LOADING is not.
      return expectCheck({ timeout, tls, steps: [{ send: 'PING\r\n' }, { expectRegex: '^(\\+PONG|-NOAUTH)' }] })
    default:
      return async (endpoint, signal) => (await Conversation.open(endpoint, tls, signal))[Symbol.dispose]()
  }
}
