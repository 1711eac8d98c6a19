import { visible } from '../../visible.ts'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { AdminClient } from './client.ts'
import { type ServerEvent, serverEvents } from './server-events.ts'
import { type AdminOptions, findAdmin } from './target.ts'

/** Follows what happens, until whoever listens has gone or the process ends. */
export async function events(options: AdminOptions, io: Io): Promise<number> {
  const target = await findAdmin(options, io)
  const client = new AdminClient(target)
  for await (const event of serverEvents(client.follow('/v1/events'))) {
    await io.stdout.line(options.json === true ? JSON.stringify(event) : eventText(event, io))
  }
  throw new CliError(`${target.text} has ended the events: limpet was stopped`, EXIT.unavailable)
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
