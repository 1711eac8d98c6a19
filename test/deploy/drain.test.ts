import type { Socket } from 'node:net'
import { expect } from 'chai'
import type { Deployment } from 'kubernetes-types/apps/v1.d.ts'
import type { ConfigMap } from 'kubernetes-types/core/v1.d.ts'
import { parseDocument } from 'yaml'
import { Directory } from '../helpers/directory.ts'
import { LimpetRun } from '../helpers/limpet-run.ts'
import { Conn } from '../helpers/net.ts'
import { soak } from '../helpers/soak.ts'
import { cleanUp, startBackend } from '../lifecycle/helpers.ts'
import { documentsOf, sampleFile, secondsOf, settingsOf, textOf } from './samples.ts'

const [configMap] = documentsOf<ConfigMap>(textOf('kubernetes/configmap.yaml'))
const [deployment] = documentsOf<Deployment>(textOf('kubernetes/deployment.yaml'))
const text = configMap?.data?.['limpet.yaml'] ?? ''
const { shutdownTimeout } = settingsOf<{ shutdownTimeout: string }>(text)
const PING = 'PING\r\n'

/** Enough of Redis for its checks. */
function pong(socket: Socket): void {
  socket.on('data', () => socket.write('+PONG\r\n')).on('end', () => socket.end())
}

/** Seconds from SIGTERM to SIGKILL in the pod. */
function graceAfterHook(): number {
  const { terminationGracePeriodSeconds = 0, containers = [] } = deployment?.spec?.template.spec ?? {}
  return terminationGracePeriodSeconds - Number(containers[0]?.lifecycle?.preStop?.exec?.command?.[1])
}

describe('the end of a pod', function () {
  this.timeout(180_000)
  afterEach(cleanUp)

  /** The ConfigMap's own configuration, on free ports and with a server of the test. */
  async function start(directory: Directory, timeout = shutdownTimeout): Promise<LimpetRun> {
    const document = parseDocument(text)
    document.setIn(['listeners', 0, 'bind'], '127.0.0.1:0')
    document.setIn(['admin', 'listen'], '127.0.0.1:0')
    document.setIn(['pools', 'redis', 'backends'], [{ name: 'a', address: (await startBackend(pong)).address }])
    document.set('shutdownTimeout', timeout)
    // Nobody waits for a store that there is not.
    document.setIn(['cluster', 'startTimeout'], 0)
    const file = await sampleFile(directory, String(document))
    return await LimpetRun.start(file)
  }

  /** What a probe gets. */
  async function probe(run: LimpetRun, path: string, headers: Record<string, string> = {}): Promise<number> {
    const { address } = run.logged('admin API listening')
    return (await fetch(`http://${address}${path}`, { headers })).status
  }

  async function client(run: LimpetRun): Promise<Conn> {
    const conn = await Conn.open(run.dial('redis'))
    await conn.send(PING)
    expect(await conn.line()).to.equal('+PONG\r')
    return conn
  }

  it('comes when its sessions have ended: not ready any more, alive, and serving those that it has', async () => {
    await using directory = await Directory.make()
    await using run = await start(directory)
    expect(await probe(run, '/readyz')).to.equal(200)
    expect(await probe(run, '/metrics')).to.equal(401)
    expect(await probe(run, '/metrics', { authorization: 'Bearer a-token-of-tests' })).to.equal(200)
    const conn = await client(run)
    process.kill(run.pid, 'SIGTERM')
    await run.says('"msg":"stopping"')
    expect(run.logged('stopping')).to.include({ sessions: 1, timeoutMs: secondsOf(shutdownTimeout) * 1000 })
    expect(await probe(run, '/readyz')).to.equal(503)
    expect(await probe(run, '/livez')).to.equal(200)
    await Conn.open(run.dial('redis')).then(
      () => expect.fail('a client was accepted'),
      (error: NodeJS.ErrnoException) => expect(error.code).to.equal('ECONNREFUSED'),
    )
    await conn.send(PING)
    expect(await conn.line()).to.equal('+PONG\r')
    conn.destroy()
    expect(await run.exited).to.deep.equal({ code: 0, signal: null })
  })

  it('comes within the grace period, also where a session never ends', async () => {
    await using directory = await Directory.make()
    // The whole time only where there is time for it.
    await using run = await start(directory, soak ? shutdownTimeout : '1s')
    const conn = await client(run)
    const began = performance.now()
    process.kill(run.pid, 'SIGTERM')
    expect(await run.exited).to.deep.equal({ code: 1, signal: null })
    expect(performance.now() - began).to.be.below(graceAfterHook() * 1000)
    await conn.over()
  })
})
