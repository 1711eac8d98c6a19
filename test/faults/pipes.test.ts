import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { Directory } from '../helpers/directory.ts'
import { patternSum } from '../helpers/hash.ts'
import { requireFeature } from '../helpers/peers.ts'
import { ProcessRig } from '../helpers/process-rig.ts'
import { requireFds } from '../helpers/processes.ts'
import { forEachRelay } from '../helpers/relays.ts'
import { Backend, idle } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { steady } from '../helpers/wait.ts'

const MIB = 1024 * 1024
/** Pages of an ordinary pipe. */
const PIPE_PAGES = 16

// Row 8 of the fault matrix.
forEachRelay('a user who has too many pipes', pair => {
  it('gets small ones from the system: bytes are copied, and that is counted', async function () {
    const soft = Number(readFileSync('/proc/sys/fs/pipe-user-pages-soft', 'utf8'))
    if (soft === 0) requireFeature(this, 'fs.pipe-user-pages-soft is off, so that no pipe is ever small')
    const pipes = Math.ceil(soft / PIPE_PAGES) + 1
    requireFds(this, pipes + 100)
    const bytes = rounds(16, 128) * MIB
    await using directory = await Directory.make()
    await using backend = await Backend.start({ serve: idle })
    const { name, address } = backend
    await using rig = await ProcessRig.open(pair, { backends: [{ name, address }] })
    await rig.child.call('useUpPipes', directory.path, pipes)
    const client = await rig.connect()
    const server = await backend.next()
    const sending = [
      client.sendPattern(1, bytes).then(() => client.finish()),
      server.sendPattern(2, bytes).then(() => server.finish()),
    ]
    await steady('the bytes that fit in between', async () => (await rig.counters()).bytesToClient)
    const [atServer, atClient] = await Promise.all([server.drain(), client.drain(), ...sending])
    expect([atServer, atClient]).to.deep.equal([patternSum(1, bytes), patternSum(2, bytes)])
    await Promise.all([client.closed, server.closed])
    await rig.child.call('giveUpPipes')
    const { pipesSmall, bytesSpliced } = await rig.settle()
    expect(bytesSpliced).to.equal(0)
    if (pair.relay === 'native') expect(pipesSmall).to.be.greaterThan(0)
  })
})
