import { connect } from 'node:net'
import { CheckFailure, LATE } from './check.ts'

/** An answer is a few words. */
const MOST_CHARACTERS = 1024

/**
 * Asks an agent, which needs no question: its first line, without the end of that. A line may also end with the connection.
 * Rejects with a {@link CheckFailure}; it leaves no socket behind.
 */
export async function askAgent(host: string, port: number, signal: AbortSignal): Promise<string> {
  const socket = connect({ host, port })
  const abort = (): void => void socket.destroy(new CheckFailure(LATE))
  signal.addEventListener('abort', abort, { once: true })
  try {
    let heard = ''
    for await (const text of socket.setEncoding('utf8')) {
      heard += text
      const end = heard.search(/[\r\n]/)
      if (end >= 0) return heard.slice(0, end)
      if (heard.length > MOST_CHARACTERS) throw new CheckFailure(`its line has more than ${MOST_CHARACTERS} characters`)
    }
    return heard
  } catch (error) {
    throw CheckFailure.of(error)
  } finally {
    signal.removeEventListener('abort', abort)
    socket.destroy()
  }
}
