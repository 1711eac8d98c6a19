import pino, { type Logger } from 'pino'
import type { LogLevel } from '../config/options.ts'
import type { SessionClosed } from '../relay/session-feed.ts'
import { humanStream } from './human.ts'

/** The log of one balancer. */
export type Log = Logger

const STDOUT = 1

/** Where lines go: anything with a `write`, one line with its line feed at a time. */
export interface LogDestination {
  write(line: string): void
}

/** A log at this level: JSON lines on standard output, or short lines for people when that is a terminal. A log that cannot be written is given up. */
export function createLog(level: LogLevel, destination: LogDestination = standardOutput()): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: label => ({ level: label }) } },
    destination,
  )
}

/** `json` in this variable: JSON lines also on a terminal. */
export const FORMAT_VARIABLE = 'LIMPET_LOG_FORMAT'

function standardOutput(): LogDestination {
  if (process.stdout.isTTY && process.env[FORMAT_VARIABLE] !== 'json') {
    return humanStream(line => process.stdout.write(line))
  }
  const destination = pino.destination({ dest: STDOUT, sync: true })
  let isLost = false
  // A full disk, or a reader that left: the balancer goes on without a log.
  destination.on('error', () => {
    isLost = true
  })
  return { write: line => void (isLost || destination.write(line)) }
}

/** Writes a line for a session that ended, whatever the level of the log. */
export function sessionLog(log: Log): (session: SessionClosed) => void {
  const sessions = log.child({}, { level: 'info' })
  // The line has a time of its own, a moment later.
  return ({ time: _, ...session }) => sessions.info(session, 'session')
}
