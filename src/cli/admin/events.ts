import { setTimeout as wait } from 'node:timers/promises'
import { visible } from '../../visible.ts'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { AdminClient } from './client.ts'
import { type ServerEvent, serverEvents } from './server-events.ts'
import { type AdminOptions, findAdmin } from './target.ts'

export interface EventsOptions extends AdminOptions {
  /** False: the end of the stream is the end. */
  retry?: boolean | undefined
}

/** Pauses before the tries to go on, in milliseconds: a restart or an upgrade takes less. */
const PAUSES_MS: readonly number[] = [250, 500, 1000, 2000, 4000, 8000]
/** A stream that lasted so long was a good one: the next end of it is looked at anew. */
const GOOD_MS = 10_000

/**
 * Follows what happens, until whoever listens has gone or the process ends. A stream that breaks is taken up again after
 * the last event that was told.
 */
export async function events(options: EventsOptions, io: Io): Promise<number> {
  const target = await findAdmin(options, io)
  const client = new AdminClient(target)
  const pauses = options.retry === false ? [] : PAUSES_MS
  let lastId: string | undefined
  for (let tries = 0; ; tries++) {
    const beganMs = performance.now()
    let failure = new CliError(`${target.text} has ended the events: limpet was stopped`, EXIT.unavailable)
    try {
      for await (const event of serverEvents(client.follow('/v1/events', lastId))) {
        await io.stdout.line(options.json === true ? JSON.stringify(event) : eventText(event, io))
        lastId = event.id
      }
    } catch (error) {
      // Nobody was there at all, or it is no matter of the connection.
      if (lastId === undefined || !(error instanceof CliError) || error.exitCode !== EXIT.unavailable) throw error
      failure = error
    }
    if (performance.now() - beganMs >= GOOD_MS) tries = 0
    const pauseMs = pauses[tries]
    if (pauseMs === undefined) throw failure
    if (tries === 0) await io.stderr.line('the events have ended; trying to go on after the last one')
    await wait(pauseMs)
  }
}

const STYLES = {
  backendUp: 'green',
  backendDown: 'red',
  backendEjected: 'red',
  backendReadmitted: 'green',
  hello: 'dim',
} as const

function eventText({ event, data }: ServerEvent, { stdout }: Io): string {
  const facts = typeof data === 'object' && data !== null ? Object.entries(data) : []
  const rest = facts.map(
    ([name, value]) => `${visible(name)}=${visible(typeof value === 'string' ? value : JSON.stringify(value))}`,
  )
  const name = visible(event)
  const style = Object.hasOwn(STYLES, event) ? STYLES[event as keyof typeof STYLES] : 'bold'
  const line = stdout.cut(`${new Date().toISOString()}  ${name}  ${rest.join('  ')}`)
  return line.replace(name, shown => stdout.style(style, shown))
}
