import { type Check, CheckFailure } from '../check.ts'
import { Conversation } from './conversation.ts'

/** PostgreSQL, "Message Formats": StartupMessage of protocol 3.0; the length counts itself. */
const STARTUP = startupMessage({ user: 'limpet', application_name: 'limpet-check' })
/** Byte1 and Int32 that begin every later message. */
const HEADER_BYTES = 5
/** cannot_connect_now: the server starts, stops, or recovers without taking sessions. */
const NOT_NOW = '57P03'

/**
 * Begins a session as a user who need not exist. A server that asks for a password, lets it in or refuses that user is
 * well; one that takes no sessions now is not.
 */
export function postgresCheck(): Check {
  return async (target, signal) => {
    using conversation = await Conversation.open(target, undefined, signal)
    conversation.send(STARTUP)
    let answer = Buffer.alloc(0)
    const read = (heard: Buffer): number | undefined => {
      if (heard.length < HEADER_BYTES) return undefined
      const end = 1 + heard.readUInt32BE(1)
      answer = Buffer.from(heard.subarray(0, end))
      return heard.length < end ? undefined : end
    }
    await conversation.hear(read, 'an answer of PostgreSQL', signal)
    const [type] = answer.toString('latin1', 0, 1)
    if (type === 'R') return
    if (type !== 'E') throw new CheckFailure('this is not PostgreSQL')
    const { C: code, M: message } = fieldsOf(answer.subarray(HEADER_BYTES))
    if (code === NOT_NOW) throw new CheckFailure(message ?? 'it takes no sessions now')
  }
}

function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const text = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`)
  const body = Buffer.from(`${text.join('')}\0`)
  const head = Buffer.alloc(8)
  head.writeUInt32BE(head.length + body.length, 0)
  head.writeUInt32BE(0x0003_0000, 4)
  return Buffer.concat([head, body])
}

/** Of an ErrorResponse, by its letter. */
function fieldsOf(body: Buffer): Record<string, string> {
  const fields = body
    .toString('utf8')
    .split('\0')
    .filter(field => field !== '')
  return Object.fromEntries(fields.map(field => [field.charAt(0), field.slice(1)]))
}
