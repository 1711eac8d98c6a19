/** One event of a stream of server-sent events. */
export interface ServerEvent {
  event: string
  id: string
  /** What its JSON says. */
  data: unknown
}

/** No event is nearly as long, and it is kept in memory. */
const LONGEST_EVENT = 64 * 1024 * 1024

/** Cuts a stream of server-sent events (HTML standard, 9.2) into its events; comments are dropped. */
export async function* serverEvents(chunks: AsyncIterable<string>): AsyncGenerator<ServerEvent> {
  let text = ''
  for await (const chunk of chunks) {
    text += chunk
    // A carriage return at the end may be the first half of a line end.
    const whole = text.endsWith('\r') ? text.slice(0, -1) : text
    const blocks = whole.replace(/\r\n?/g, '\n').split('\n\n')
    const rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = eventOf(block)
      if (event !== undefined) yield event
    }
    text = rest + text.slice(whole.length)
    if (text.length > LONGEST_EVENT) throw new RangeError('an event is too long')
  }
}

/** Undefined: only comments. */
function eventOf(block: string): ServerEvent | undefined {
  const fields = new Map<string, string[]>()
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? []
    if (name !== undefined) fields.set(name, [...(fields.get(name) ?? []), value])
  }
  const data = fields.get('data')
  if (data === undefined) return undefined
  return {
    event: fields.get('event')?.at(-1) ?? 'message',
    id: fields.get('id')?.at(-1) ?? '',
    data: parsed(data.join('\n')),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Another version may send text.
    return text
  }
}
