import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { SessionClosed } from '../../src/index.ts'
import { until } from './wait.ts'

const CHANNEL = 'limpet:session:close'

/** What is told of sessions that end. */
export interface FollowedSessions extends AsyncDisposable {
  /** So many of them, in the order in which they ended. */
  closed(count: number): Promise<readonly SessionClosed[]>
}

/** Follows the sessions of a listener, until it is disposed of. */
export function followSessions(listener: string): FollowedSessions {
  const sessions: SessionClosed[] = []
  const hear = (message: unknown): void => {
    const session = message as SessionClosed
    if (session.listener === listener) sessions.push(session)
  }
  subscribe(CHANNEL, hear)
  return {
    async closed(count) {
      await until(`${count} sessions to end`, () => sessions.length >= count)
      return sessions
    },
    async [Symbol.asyncDispose]() {
      unsubscribe(CHANNEL, hear)
    },
  }
}
