import pino, { type Logger } from 'pino'
import type { LogLevel } from '../config/options.ts'
import type { SessionClosed } from '../relay/session-feed.ts'
import { standardOutput } from './standard-output.ts'

/** The log of one balancer. */
export type Log = Logger

/** Where lines go: anything with a `write`, one line with its line feed at a time. */
export interface LogDestination {
  write(line: string): void
}

/** Standard output is not touched before there is something to say. */
const STANDARD_OUTPUT: LogDestination = { write: line => standardOutput().write(line) }

/** A log at this level: JSON lines on standard output, or short lines for people when that is a terminal. */
export function createLog(level: LogLevel, destination: LogDestination = STANDARD_OUTPUT): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: label => ({ level: label }) } },
    destination,
  )
}

/** As {@link sessionLog}; undefined where that is for no session. */
export function sessionLogOf(log: Log, share: number): ((session: SessionClosed) => void) | undefined {
  return share > 0 ? sessionLog(log, share) : undefined
}

/** Writes a line for a session that ended, whatever the level of the log; for this share of them, chosen at random. */
export function sessionLog(log: Log, share: number): (session: SessionClosed) => void {
  const sessions = log.child({}, { level: 'info' })
  return ({ time: _, ...session }) => {
    // The line has a time of its own, a moment later.
    if (share === 1 || Math.random() < share) sessions.info(session, 'session')
  }
}
