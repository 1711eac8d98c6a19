import type { ResolvedCheckStep, ResolvedHealth } from '../../config/resolved.ts'
import type { Check } from '../check.ts'
import { Conversation } from './conversation.ts'
import { expectCheck, longestOf } from './expect.ts'
import { httpCheck } from './http.ts'
import { mysqlCheck } from './mysql.ts'
import { postgresCheck } from './postgres.ts'

/** Checks that are a few steps. */
const READY_MADE: Readonly<Record<'redis' | 'smtp' | 'mqtt', readonly ResolvedCheckStep[]>> = {
  // A server that wants a password, or is loading its data, says so with "-": NOAUTH is well, LOADING is not.
  redis: [{ send: 'PING\r\n' }, { expectRegex: '^(\\+PONG|-NOAUTH)' }],
  // A greeting can have several lines, the last without a hyphen (RFC 5321, section 4.2).
  smtp: [{ expectRegex: '(^|\\n)220[ \\r]' }, { send: 'QUIT\r\n' }, { expectRegex: '(^|\\n)221[ \\r]' }],
  // CONNECT of MQTT 3.1.1 with a clean session and no client's name; whoever refuses that (1, 2, 4, 5) is well, too, but
  // not a server that says that it is unavailable (3).
  mqtt: [
    { sendHex: '10 0c 00 04 4d 51 54 54 04 02 00 0a 00 00' },
    { expectRegex: '^ \\x02[\\x00\\x01][\\x00\\x01\\x02\\x04\\x05]' },
    { sendHex: 'e0 00' },
  ],
}

/** A check, and how long it may take at most, in milliseconds. */
export interface TimedCheck {
  check: Check
  longestMs: number
}

/** The check that a pool's settings describe. */
export function checkOf(health: ResolvedHealth): TimedCheck {
  const { type, timeout } = health
  if (type === 'expect') return talk(health)
  if (type === 'redis' || type === 'smtp' || type === 'mqtt')
    return { ...talk({ ...health, steps: READY_MADE[type] }), longestMs: timeout }
  return { check: simpleCheck(health), longestMs: timeout }
}

function talk(health: ResolvedHealth): TimedCheck {
  return { check: expectCheck(health), longestMs: longestOf(health) }
}

function simpleCheck(health: ResolvedHealth): Check {
  const { type, tls } = health
  switch (type) {
    case 'http':
    case 'https':
      return httpCheck(health)
    case 'postgres':
      return postgresCheck()
    case 'mysql':
      return mysqlCheck()
    default:
      return async (target, signal) => (await Conversation.open(target, tls, signal))[Symbol.dispose]()
  }
}
