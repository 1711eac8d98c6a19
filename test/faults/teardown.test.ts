import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { Directory } from '../helpers/directory.ts'
import { Load } from '../helpers/load.ts'
import { type Dial, toDial } from '../helpers/net.ts'
import { ProcessRig } from '../helpers/process-rig.ts'
import { Child } from '../helpers/processes.ts'
import { forEachRelayOnce } from '../helpers/relays.ts'
import { Backend } from '../helpers/servers.ts'
import { rounds } from '../helpers/soak.ts'
import { TEST_MS, until, within } from '../helpers/wait.ts'

const CLIENTS = 20

/** Load that has had its first answers. */
async function loadOn(dial: Dial): Promise<Load> {
  const load = new Load(dial, CLIENTS)
  await until('the first answers', () => load.answers > CLIENTS)
  return load
}

// Row 30 of the fault matrix: nothing may crash, whatever ends, and nothing may be left.
forEachRelayOnce('ending under load', pair => {
  it('survives worker.terminate(), and leaves no thread and no descriptor', async () => {
    await using backend = await Backend.start()
    await using child = await Child.start('workers')
    const options = {
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', ...pair.listener }],
      pools: { p: { backends: [{ name: backend.name, address: backend.address }] } },
      log: { level: 'error' },
    }
    const round = async (workers: number): Promise<void> => {
      const addresses = await child.call<AddressInfo[]>('start', workers, options)
      const loads = await Promise.all(addresses.map(address => loadOn(toDial(address))))
      expect(await child.call('terminate')).to.deep.equal(new Array(workers).fill(1))
      await Promise.all(loads.map(load => load.end()))
    }
    // What the process makes once is there after the first round.
    await round(2)
    const before = await child.call<{ threads: number; fds: number }>('figures')
    // In two workers at a time the addon is loaded twice.
    // With the three ways to end below more than 500 ends in the three pairs together.
    for (let left = rounds(2, 92); left > 0; left -= 2) await round(2)
    const after = await child.call<{ threads: number; fds: number }>('figures')
    expect(after.threads, 'threads').to.be.at.most(before.threads)
    expect(after.fds, 'descriptors').to.be.at.most(before.fds)
    await until(
      'the sessions of the backend to end',
      () => backend.live.size === 0,
      () => backend.live.size,
    )
  })

  for (const [what, method, code] of [
    ['process.exit()', 'exit', 3],
    ['an exception that nobody catches', 'crash', 1],
  ] as const) {
    it(`ends with its exit code at ${what}`, async () => {
      await using backend = await Backend.start()
      for (let left = rounds(1, 25); left > 0; left--) {
        await using rig = await ProcessRig.open(pair, { backends: [{ name: backend.name, address: backend.address }] })
        const load = await loadOn(rig.dial)
        await rig.child.call(method, code)
        expect(await within('the end', rig.child.exited)).to.deep.equal({ code, signal: null })
        await load.end()
      }
    })
  }

  it('ends when its parent is killed', async () => {
    await using directory = await Directory.make()
    await using backend = await Backend.start()
    for (let left = rounds(1, 25); left > 0; left--) {
      const file = directory.file(`status-${left}`)
      await using parent = await Child.start('parent')
      const backends = [{ name: backend.name, address: backend.address }]
      // A shell in between outlives the parent, and tells how the balancer ended.
      const prefix = ['sh', '-c', '"$@"; echo $? > "$0.new"; mv "$0.new" "$0"', file]
      const load = await loadOn(await parent.call<Dial>('start', pair.relay, { backends, prefix }))
      await parent.kill()
      await load.end()
      await until('the balancer to end', async () => (await readFile(file).catch(() => '')).length > 0)
      expect(await readFile(file, 'utf8')).to.equal('0\n')
    }
  })
})

describe('ending in the middle of a call into the addon', function () {
  this.timeout(TEST_MS)

  it('survives worker.terminate()', async () => {
    await using child = await Child.start('workers')
    const workers = 4
    for (let left = rounds(6, 150); left > 0; left--) {
      expect(await child.call('startCalls', workers)).to.deep.equal(new Array(workers).fill('ready'))
      expect(await child.call('terminate')).to.deep.equal(new Array(workers).fill(1))
    }
  })
})
