const LINE_FEED = 0x0a

/** No address is nearly as long, and a line is kept in memory. */
const LONGEST_LINE = 65_536
/** What is kept of a line that is longer, so that it can be told. */
const KEPT = 64

/** Cuts a stream into blocks of whole lines, each ended by a line feed, that of the last line included. */
export async function* wholeLines(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  /** Whether the rest of a line that is too long is being dropped. */
  let isDropping = false
  for await (const chunk of input) {
    const first = isDropping ? chunk.indexOf(LINE_FEED) : 0
    if (first < 0) continue
    isDropping = false
    const text = first === 0 && rest.length === 0 ? chunk : Buffer.concat([rest, chunk.subarray(first)])
    const end = text.lastIndexOf(LINE_FEED) + 1
    if (end > 0) yield text.subarray(0, end)
    rest = text.subarray(end)
    if (rest.length <= LONGEST_LINE) continue
    rest = shortened(rest)
    isDropping = true
  }
  if (rest.length > 0) yield Buffer.concat([rest, Buffer.of(LINE_FEED)])
}

/** No blank line and no address, whatever it began with. */
function shortened(line: Buffer): Buffer {
  return Buffer.from(`${line.subarray(0, KEPT).toString('latin1')}… (a line of more than ${LONGEST_LINE} bytes)`)
}
