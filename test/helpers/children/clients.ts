// Clients in a process of their own, so that their descriptors and their work are not those of the balancer.
import { Conn, clientAddress, type Dial } from '../net.ts'
import { answerParent } from './answer.ts'

/** Connecting at once; more would only wait in the queue of the listener. */
const AT_ONCE = 100

const conns: Conn[] = []

/** Does something `count` times, a few at once. */
async function times(count: number, action: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await action(next++)
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, lane))
}

answerParent({
  /**
   * Connects to one place after the other, from wherever the system says, and reads the line that the backend says. Gives
   * the lines.
   */
  async visit(dials: Dial[], text = ''): Promise<string[]> {
    const lines: string[] = []
    for (const dial of dials) {
      const conn = await Conn.open(dial)
      // Perhaps it is closed before it can speak.
      if (text !== '') await conn.send(text).catch(() => undefined)
      lines.push(await conn.line())
      conns.push(conn)
    }
    return lines
  },
  /**
   * Connects, each client from an address of its own from the `first`-th on, and reads the line that the backend says.
   * Gives how often each line came; an empty one: the client was closed.
   */
  async open(dial: Dial, count: number, first: number): Promise<Record<string, number>> {
    const lines: Record<string, number> = {}
    await times(count, async index => {
      const conn = await Conn.open({ ...dial, localAddress: clientAddress(first + index) })
      const line = await conn.line()
      lines[line] = (lines[line] ?? 0) + 1
      if (line === '') conn.destroy()
      else conns.push(conn)
    })
    return lines
  },
  /** Every client that is there sends a text; gives how many got it back. */
  async echo(text: string): Promise<number> {
    let good = 0
    await times(conns.length, async index => {
      if ((await conns[index]?.echo(text)) === text) good++
    })
    return good
  },
  /** Waits until every client was closed by the other side; gives how many there were. */
  async over(): Promise<number> {
    const all = conns.splice(0)
    await Promise.all(all.map(conn => conn.over()))
    for (const conn of all) conn.destroy()
    return all.length
  },
  /** So many clients connect, one after the other from where the last call stopped, and are gone again with a reset. */
  async resets(dial: Dial, count: number): Promise<void> {
    await times(count, async () => (await Conn.open(dial)).reset())
  },
  /** Clients leave. */
  close(count: number): void {
    for (const conn of conns.splice(0, count)) conn.destroy()
  },
})
