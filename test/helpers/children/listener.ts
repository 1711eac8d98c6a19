// Listens, and does nothing with those who connect.
import { once } from 'node:events'
import { type AddressInfo, createServer, type ListenOptions, type Socket } from 'node:net'
import { answerParent } from './answer.ts'

const held: Socket[] = []

answerParent({
  async listen(options: ListenOptions): Promise<number> {
    const server = createServer(socket => held.push(socket)).listen(options)
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  },
})
