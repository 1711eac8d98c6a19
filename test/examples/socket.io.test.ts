import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { io, type Socket } from 'socket.io-client'
import { Program } from '../helpers/programs.ts'
import { TEST_MS, within } from '../helpers/wait.ts'
import { endAll, Front } from './front.ts'

const SERVER = fileURLToPath(new URL('../../examples/socket.io/server.js', import.meta.url))
const CLIENTS = 8
const TURNS = 6

interface Answer {
  name: string
  count: number
}

describe('examples/socket.io', function () {
  this.timeout(TEST_MS)

  it('keeps every client at its server, poll by poll', async () => {
    const servers: Program[] = []
    await using _ = { [Symbol.asyncDispose]: () => endAll(servers) }
    const known: { name: string; port: number }[] = []
    for (const name of ['a', 'b', 'c']) {
      const program = new Program(process.execPath, [SERVER, '0', name])
      servers.push(program)
      await program.says(/listens on port \d+/)
      known.push({ name, port: Number(/port (\d+)/.exec(program.output)?.[1]) })
    }
    await using front = await Front.start('socket.io', known)
    const sockets: Socket[] = []
    const troubles: string[] = []
    try {
      for (let client = 0; client < CLIENTS; client++) {
        const socket = io(`http://127.0.0.1:${front.dial.port}`, {
          transports: ['polling'],
          withCredentials: true,
          forceNew: true,
        })
        socket.on('connect_error', error => troubles.push(error.message))
        socket.on('disconnect', reason => troubles.push(reason))
        sockets.push(socket)
      }
      const counted = await Promise.all(sockets.map(socket => within('its answers', countedBy(socket))))
      for (const answers of counted) {
        expect(new Set(answers.map(({ name }) => name)).size).to.equal(1)
        expect(answers.map(({ count }) => count)).to.deep.equal(Array.from({ length: TURNS }, (_, at) => at + 1))
      }
      expect(troubles).to.deep.equal([])
      expect(new Set(counted.flat().map(({ name }) => name)).size).to.be.greaterThan(1)
    } finally {
      for (const socket of sockets) socket.off('disconnect').disconnect()
    }
  })
})

async function countedBy(socket: Socket): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let turn = 0; turn < TURNS; turn++) answers.push((await socket.emitWithAck('count')) as Answer)
  return answers
}
