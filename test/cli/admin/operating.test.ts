import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import type { BalancerOptions } from '../../../src/index.ts'
import { Directory } from '../../helpers/directory.ts'
import { LimpetRun } from '../../helpers/limpet-run.ts'
import { Conn, clientAddress } from '../../helpers/net.ts'
import { type Backends, named, startBackends } from '../../helpers/servers.ts'
import { TEST_MS, until } from '../../helpers/wait.ts'
import { limpet, type Said } from '../helpers.ts'

// What an operator does in an afternoon, with the commands alone, at a process that really serves.
describe('operating a running process', function () {
  this.timeout(TEST_MS)
  let directory: Directory
  let backends: Backends
  let file: string
  let socket: string

  beforeEach(async () => {
    directory = await Directory.make()
    backends = await startBackends(['a', 'b', 'c'], named)
    file = directory.file('limpet.yaml')
    socket = directory.file('admin.sock')
    await LimpetRun.write(file, config())
  })
  afterEach(async () => {
    await backends[Symbol.asyncDispose]()
    await directory[Symbol.asyncDispose]()
  })

  function config(): BalancerOptions {
    return {
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }],
      pools: {
        p: { boundedLoad: 'off', backends: backends.all.map(({ name, address }) => ({ name, address })) },
      },
      admin: { listen: `unix:${socket}` },
      state: directory.file('state.json'),
    }
  }

  const run = async (...args: string[]): Promise<Said> => await limpet([...args, '--admin', `unix:${socket}`])
  async function told<T>(...args: string[]): Promise<T> {
    const { status, stdout, stderr } = await run(...args, '--json')
    expect({ status, stderr }, args.join(' ')).to.deep.equal({ status: 0, stderr: '' })
    return JSON.parse(stdout) as T
  }

  async function meet(process: LimpetRun, n: number): Promise<[Conn, string]> {
    const client = await Conn.open({ ...process.dial('l'), localAddress: clientAddress(n) })
    return [client, await client.line()]
  }

  it('previews a change, takes a backend out and back, and finds its changes again after a crash', async () => {
    await using first = await LimpetRun.start(file)
    const [client, name] = await meet(first, 1)
    interface Plan {
      homesMoved: number
      sessionsMoved: number
      pinsMoved: number
    }
    const plan = await told<Plan>('plan', '--remove', name)
    expect(plan.homesMoved).to.be.within(0.2, 0.5)
    expect([plan.sessionsMoved, plan.pinsMoved]).to.deep.equal([1, 1])
    expect((await told<{ home: string }>('explain', clientAddress(1))).home).to.equal(name)

    expect((await run('backends', 'drain', name, '--hard')).status).to.equal(0)
    expect((await run('config', 'diff', '-c', file, '--exit-code')).status).to.equal(1)
    const [other, elsewhere] = await meet(first, 1)
    expect(elsewhere).to.not.equal(name)
    other.destroy()

    const session = await told<{ id: string; backend: string }>('sessions', 'list', '--backend', name)
    expect(session.backend).to.equal(name)
    expect((await run('sessions', 'list')).stdout).to.match(/ID +CLIENT +POOL +BACKEND/)
    expect((await run('sessions', 'close', session.id)).stdout).to.equal('closed: 1 session\n')
    expect(await client.read(1), 'what comes before the end').to.have.length(0)
    client.destroy()
    expect((await run('sessions', 'close', session.id)).status).to.equal(1)

    // Killed, not stopped. What was changed a moment ago is in the file.
    await until('the state to be kept', async () => (await run('status')).stdout.includes('drain-hard'))
    await first.stop('SIGKILL')
    await using second = await LimpetRun.start(file)
    interface Backend {
      name: string
      state: string
    }
    const stateOf = async (): Promise<string | undefined> =>
      (await told<Backend[]>('backends', 'list')).find(backend => backend.name === name)?.state
    expect(await stateOf()).to.equal('drain-hard')
    expect((await run('reload')).status).to.equal(0)
    expect(await stateOf()).to.equal('ready')
    expect((await run('config', 'diff', '-c', file, '--exit-code')).status).to.equal(0)
    const [back, home] = await meet(second, 1)
    expect(home).to.equal(name)
    back.destroy()
    expect(await second.stop()).to.deep.equal({ code: 0, signal: null })
    expect((await run('status')).status).to.equal(69)
  })

  it('has metrics and a page for people on the same socket', async () => {
    await using process = await LimpetRun.start(file)
    const fetched = async (path: string): Promise<string> =>
      await new Promise((resolve, reject) => {
        get({ socketPath: socket, path }, response => text(response).then(resolve, reject)).once('error', reject)
      })
    expect(await fetched('/metrics')).to.contain('limpet_sessions 0')
    expect(await fetched('/')).to.match(/^<!doctype html>/i)
    expect(await fetched('/readyz')).to.equal('ok\n')
    await process.stop()
  })
})
