import { type Check, CheckFailure } from '../check.ts'
import { Conversation } from './conversation.ts'

/** MySQL, "Protocol::Packet": the length of what follows (three bytes, the lowest first), and the number of the packet. */
const HEADER_BYTES = 4
/** A greeting has some 100 bytes, an error at most 512 of text. */
const MOST_BYTES = 4096
const GREETING = 10
const ERROR = 0xff
/** "Protocol::ERR_Packet": the code behind the first byte; before a greeting there is no state of SQL, but there may be. */
const CODE_AT = 1
const TEXT_AT = 3
const STATE = /^#[0-9A-Z]{5}/
/** COM_QUIT, as the second packet. */
const QUIT = Buffer.from([1, 0, 0, 1, 1])
const NOT_MYSQL = 'this is not MySQL'

/** Reads the greeting of a server, and quits. One that greets with an error, because it is full or shuts its host out, is not well. */
export function mysqlCheck(): Check {
  return async (target, signal) => {
    using conversation = await Conversation.open(target, undefined, signal)
    let payload = Buffer.alloc(0)
    const read = (heard: Buffer): number | undefined => {
      if (heard.length < HEADER_BYTES) return undefined
      const end = HEADER_BYTES + heard.readUIntLE(0, 3)
      if (end === HEADER_BYTES || end > MOST_BYTES || heard.readUInt8(3) !== 0) throw new CheckFailure(NOT_MYSQL)
      payload = Buffer.from(heard.subarray(HEADER_BYTES, end))
      return heard.length < end ? undefined : end
    }
    await conversation.hear(read, 'a greeting of MySQL', signal)
    const type = payload.readUInt8(0)
    if (type === ERROR && payload.length >= TEXT_AT) throw new CheckFailure(errorText(payload))
    // The version of the server, a text that ends with a zero.
    if (type !== GREETING || payload.indexOf(0, 1) <= 1) throw new CheckFailure(NOT_MYSQL)
    conversation.send(QUIT)
  }
}

function errorText(payload: Buffer): string {
  const text = payload.toString('utf8', TEXT_AT).replace(STATE, '')
  return `error ${payload.readUInt16LE(CODE_AT)}: ${text}`
}
