import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect } from 'chai'
import { compiled } from '../helpers/typescript/compiled.ts'
import { afterTest, ask, cleanUp, connectTo, firstData, RELAYS, startBackend } from './helpers.ts'

function startProcess(fixture: string, ...args: string[]): ChildProcess {
  const child = fork(compiled(new URL(`./fixtures/${fixture}.mjs`, import.meta.url)), args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  afterTest(() => child.kill('SIGKILL'))
  return child
}

async function startWorker(relay: string): Promise<Worker> {
  const worker = new Worker(compiled(new URL('./fixtures/worker.mjs', import.meta.url)), { workerData: { relay } })
  afterTest(() => worker.terminate())
  const [opened] = await once(worker, 'message')
  expect(opened).to.equal(20)
  return worker
}

async function stderrAndExit(child: ChildProcess): Promise<{ stderr: string; code: unknown; signal: unknown }> {
  const chunks: Buffer[] = []
  child.stderr?.on('data', chunk => chunks.push(chunk))
  const [code, signal] = await once(child, 'close')
  return { stderr: Buffer.concat(chunks).toString(), code, signal }
}

for (const relay of RELAYS) {
  describe(`processes and threads with the ${relay} relay`, () => {
    afterEach(cleanUp)

    it('ends by process.exit() under load', async () => {
      expect(await stderrAndExit(startProcess('exit', relay, 'exit'))).to.deep.equal({
        stderr: '',
        code: 7,
        signal: null,
      })
    })

    it('ends by an exception under load', async () => {
      const { stderr, code, signal } = await stderrAndExit(startProcess('exit', relay, 'throw'))
      expect(stderr).to.include('nobody catches this')
      expect([code, signal]).to.deep.equal([1, null])
    })

    it('ends by destroy() under load', async () => {
      expect(await stderrAndExit(startProcess('exit', relay, 'destroy'))).to.deep.equal({
        stderr: '',
        code: 0,
        signal: null,
      })
    })

    it('is not kept alive by sessions', async () => {
      const backend = await startBackend()
      const child = startProcess('handle-alone', backend.address, relay)
      const [port] = (await once(child, 'message')) as [number]
      const served = once(child, 'message')
      const client = await connectTo(port)
      expect(await firstData(client)).to.equal('hello ')
      expect((await served)[0]).to.equal(relay)
      const exit = once(child, 'exit')
      child.send('nothing else is left')
      expect(await exit).to.deep.equal([0, null])
    })

    it('runs in two worker threads at once, and closes in them', async () => {
      const workers = await Promise.all([startWorker(relay), startWorker(relay)])
      const results = workers.map(async worker => {
        const answer = once(worker, 'message')
        worker.postMessage('close')
        return (await answer)[0]
      })
      expect(await Promise.all(results)).to.deep.equal([
        { finished: 0, cut: 20 },
        { finished: 0, cut: 20 },
      ])
    })

    it('survives that worker threads are terminated under load', async () => {
      const workers = await Promise.all([startWorker(relay), startWorker(relay)])
      expect(await Promise.all(workers.map(worker => worker.terminate()))).to.deep.equal([1, 1])
      const after = await startWorker(relay)
      expect(await after.terminate()).to.equal(1)
    })

    it('shares a port between the workers of a cluster', async () => {
      const backend = await startBackend()
      const child = startProcess('cluster', backend.address, relay)
      const [ports] = (await once(child, 'message')) as [number[]]
      expect(ports[0]).to.be.greaterThan(0).and.to.equal(ports[1])
      for (let turn = 0; turn < 4; turn++)
        expect(await ask(ports[0] ?? 0, `turn ${turn}`)).to.equal(`hello turn ${turn}`)
      const figures = once(child, 'message')
      child.send('close')
      expect((await figures)[0]).to.deep.equal([2, 2])
      expect(await once(child, 'exit')).to.deep.equal([0, null])
    })
  })
}
