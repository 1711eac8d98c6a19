// Clients of Redis servers, each from an address of its own.
import type { Dial } from '../net.ts'
import { RedisClient } from '../redis.ts'
import { answerParent } from './answer.ts'

const clients: RedisClient[] = []

answerParent({
  /** They connect one after the other, and stay; gives the address on which the server of each listens. */
  async visit(dial: Dial, addresses: string[]): Promise<string[]> {
    for (const client of clients.splice(0)) client.close()
    const lines: string[] = []
    for (const localAddress of addresses) {
      const client = await RedisClient.open({ ...dial, localAddress })
      clients.push(client)
      const reply = await client.command('CONFIG', 'GET', 'bind')
      lines.push(String(Array.isArray(reply) ? reply[1] : reply))
    }
    return lines
  },
  /** How many are served still. */
  async stay(): Promise<number> {
    const replies = await Promise.all(clients.map(client => client.command('PING')))
    return replies.filter(reply => reply === 'PONG').length
  },
  /** Waits until each was closed by the other side; gives how many there were. */
  async over(): Promise<number> {
    await Promise.all(clients.map(client => client.conn.over()))
    return clients.length
  },
})
