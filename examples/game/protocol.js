// The game's protocol. A frame is its length in two bytes, its type in one, and so many bytes of text. The first frame of a
// player is a HELLO with the player's id.

export const HELLO = 1
export const SAY = 2
/** Ids are short: a longer one is another protocol. */
const LONGEST_ID = 64
const HEADER = 3

/** @param {number} type @param {string} text */
export function frame(type, text) {
  const body = Buffer.from(text)
  const header = Buffer.alloc(HEADER)
  header.writeUInt16BE(body.length)
  header[2] = type
  return Buffer.concat([header, body])
}

/**
 * Limpet's key: the player's id, in the first frame. It says `'more'` while that is not all there, and `undefined` as soon as it can
 * be none.
 *
 * @type {import('limpet').KeyFunction}
 */
export function playerId(head) {
  if (head.length < HEADER) return 'more'
  const length = head.readUInt16BE(0)
  if (head[2] !== HELLO || length === 0 || length > LONGEST_ID) return undefined
  return head.length < HEADER + length ? 'more' : head.subarray(HEADER, HEADER + length)
}

/**
 * Gives the frames of a stream, however the network has cut it.
 *
 * @param {AsyncIterable<Buffer>} stream
 */
export async function* frames(stream) {
  let rest = Buffer.alloc(0)
  for await (const part of stream) {
    rest = Buffer.concat([rest, part])
    while (rest.length >= HEADER && rest.length >= HEADER + rest.readUInt16BE(0)) {
      const end = HEADER + rest.readUInt16BE(0)
      yield { type: rest[2], text: rest.toString('utf8', HEADER, end) }
      rest = rest.subarray(end)
    }
  }
}
