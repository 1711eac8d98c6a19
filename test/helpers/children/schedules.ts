// Clients and their backend in one process, which send and read pieces of random sizes both ways.
import { patternSum, randomOf } from '../hash.ts'
import { Conn, type Dial } from '../net.ts'
import { Backend, idle } from '../servers.ts'
import { answerParent } from './answer.ts'

const KIB = 1024
let backend: Backend | undefined

/** Reads pieces of random sizes up to the FIN; between them the other events of the process have their turn. */
async function readInPieces(conn: Conn, seed: number): Promise<string> {
  const random = randomOf(seed)
  while ((await conn.read(1 + random(64 * KIB))).length > 0) await new Promise(resolve => setImmediate(resolve))
  return conn.received.sum
}

async function schedule(dial: Dial, seed: number, most: number): Promise<void> {
  if (backend === undefined) throw new Error('start() was not called')
  const bytes = 1 + randomOf(seed)(most)
  const client = await Conn.open(dial)
  const server = await backend.next()
  const sums = await Promise.all([
    readInPieces(server, seed),
    readInPieces(client, seed + 1),
    client.sendPattern(seed, bytes).then(() => client.finish()),
    server.sendPattern(seed + 1, bytes).then(() => server.finish()),
  ])
  await Promise.all([client.closed, server.closed])
  const expected = [patternSum(seed, bytes), patternSum(seed + 1, bytes)]
  if (sums[0] === expected[0] && sums[1] === expected[1]) return
  throw new Error(`schedule ${seed}: ${JSON.stringify(sums.slice(0, 2))} instead of ${JSON.stringify(expected)}`)
}

answerParent({
  async start(port: number): Promise<void> {
    backend = await Backend.start({ port, serve: idle })
  },
  /** One schedule after the other; rejects at the first one that lost or changed a byte. */
  async run(dial: Dial, first: number, count: number, most: number): Promise<void> {
    for (let seed = first; seed < first + count; seed++) await schedule(dial, seed, most)
  },
})
