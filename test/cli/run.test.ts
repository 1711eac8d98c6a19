import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, Socket } from 'node:net'
import { expect } from 'chai'
import type { CheckReport } from '../../src/cli/check.ts'
import { freePort } from '../helpers/net.ts'
import { compiled } from '../helpers/typescript/compiled.ts'
import { until } from '../helpers/wait.ts'
import {
  type Child,
  cleanUp,
  echoServer,
  fileOf,
  gone,
  limpet,
  portOf,
  ROOT,
  received,
  runnable,
  SOURCE_MAIN,
  startSource,
} from './helpers.ts'

interface Running {
  child: Child
  port: number
}

describe('cli: run', () => {
  let backends: string[] = []
  const clients: Socket[] = []

  before(async () => {
    backends = (await Promise.all(['s0', 's1'].map(echoServer))).map(({ address }) => address)
  })
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy()
  })
  after(cleanUp)

  async function running(settings: string): Promise<Running> {
    const child = startSource(SOURCE_MAIN, ['run', '-c', fileOf(runnable(backends, settings))])
    const { address } = await child.logged('listening')
    await child.logged('ready')
    return { child, port: Number(String(address).split(':').at(-1)) }
  }

  /** A client that has met its backend. */
  async function client({ port }: Running): Promise<Socket> {
    const socket = connect(port, '127.0.0.1')
    clients.push(socket)
    // A reset at the end is what some tests are about.
    socket.on('error', () => socket.destroy())
    expect(await received(socket, /\n/)).to.match(/^s[01]\n$/)
    return socket
  }

  it('logs addresses, pools and digests, serves, and exits with 0 when every session has finished', async () => {
    const file = fileOf(runnable(backends))
    const child = startSource(SOURCE_MAIN, ['run', '-c', file])
    expect(await child.logged('starting')).to.include({ config: file, pid: child.process.pid })
    const { address, ...listening } = await child.logged('listening')
    expect(listening).to.include({ listener: 'l', pool: 'p' })
    const { stdout } = await limpet(['check', '-c', file, '--json'])
    const { digests } = JSON.parse(stdout) as CheckReport
    expect(await child.logged('pool')).to.include({ pool: 'p', backends: 2, digest: digests?.p })
    await child.logged('ready')

    const running = { child, port: Number(String(address).split(':').at(-1)) }
    const socket = await client(running)
    child.kill('SIGTERM')
    expect(await child.logged('stopping')).to.include({ signal: 'SIGTERM', sessions: 1 })
    await refused(running.port)
    socket.end('goodbye')
    expect(await received(socket, /goodbye/)).to.equal('goodbye')
    expect(await child.exit).to.equal(0)
    expect(await child.logged('closed')).to.include({ finished: 1, cut: 0 })
    expect(child.stderr).to.equal('')
  })

  it('cuts sessions after shutdownTimeout and exits with 1', async () => {
    const limit = await running('shutdownTimeout: 50ms')
    const socket = await client(limit)
    const closed = gone(socket)
    limit.child.kill('SIGINT')
    await closed
    expect(await limit.child.exit).to.equal(1)
    expect(await limit.child.logged('closed')).to.include({ finished: 0, cut: 1 })
  })

  it('cuts sessions at once at a second signal', async () => {
    const patient = await running('shutdownTimeout: 1h')
    const socket = await client(patient)
    const closed = gone(socket)
    patient.child.kill('SIGINT')
    expect(await patient.child.logged('stopping')).to.include({ timeoutMs: 3_600_000 })
    patient.child.kill('SIGTERM')
    await closed
    expect(await patient.child.exit).to.equal(1)
    expect(await patient.child.logged('cutting every session')).to.include({
      level: 'warn',
      signal: 'SIGTERM',
      sessions: 1,
    })
  })

  it('reads its configuration again at SIGHUP, and keeps the old one when the new one is not valid', async () => {
    const file = fileOf(runnable(backends))
    const child = startSource(SOURCE_MAIN, ['run', '-c', file])
    const { address } = await child.logged('listening')
    await child.logged('ready')
    const one = { child, port: Number(String(address).split(':').at(-1)) }
    const socket = await client(one)

    writeFileSync(file, runnable(backends.slice(0, 1)))
    child.kill('SIGHUP')
    expect(await child.logged('reloaded')).to.include({ generation: 2, added: 0, updated: 0, removed: 1 })
    writeFileSync(file, runnable(backends).replace('pool: p', 'pool: q'))
    child.kill('SIGHUP')
    const { level, code, problems } = await child.logged('not reloaded: nothing was changed')
    expect([level, code]).to.deep.equal(['error', 'LIMPET_ERR_CONFIG'])
    expect(problems).to.have.length(1)
    expect((problems as string[])[0]).to.match(/^\S+limpet\.yaml:\d+:\d+: listeners\[0\]\.pool: there is no pool "q"/)
    const seen = child.lines.length
    writeFileSync(file, runnable(backends, 'threads: 3'))
    child.kill('SIGHUP')
    expect(await child.line(/LIMPET_ERR_NEEDS_RESTART/, seen)).to.match(/a restart is needed for threads"/)
    rmSync(file)
    child.kill('SIGHUP')
    expect(await child.line(/LIMPET_ERR_CONFIG_READ/, seen)).to.match(/"level":"error"/)

    socket.write('still here')
    expect(await received(socket, /still here/)).to.equal('still here')
    await client(one)
    child.kill('SIGTERM')
    await child.logged('stopping')
    // It does not end the process either.
    child.kill('SIGHUP')
    for (const one of clients) one.end()
    expect(await child.exit).to.equal(0)
  })

  it('cannot read standard input again', async () => {
    const child = startSource(SOURCE_MAIN, ['run', '-c', '-'])
    child.process.stdin.end(runnable(backends))
    await child.logged('ready')
    child.kill('SIGHUP')
    expect(await child.line(/not reloaded/)).to.match(/standard input, which cannot be read again/)
    child.kill('SIGTERM')
    expect(await child.exit).to.equal(0)
  })

  it('starts nothing when one address is in use, and says what to do', async () => {
    const busy = await occupied()
    const port = portOf(busy)
    const text = runnable(backends).replace(
      /^listeners:.*$/m,
      `listeners:
  - { name: free, bind: 127.0.0.1:0, pool: p }
  - { name: taken, bind: "127.0.0.1:${port}", pool: p }`,
    )
    const child = startSource(SOURCE_MAIN, ['run', '-c', fileOf(text)])
    expect(await child.exit).to.equal(1)
    expect(child.stderr).to.equal(
      `limpet: cannot listen on 127.0.0.1:${port} (listener taken): address already in use (EADDRINUSE); stop the program that has it, or give the listener another address\n`,
    )
    expect(child.stdout).not.to.contain('listening')
    busy.close()
  })

  it('starts nothing with a configuration that is not valid', async () => {
    const invalid = fileOf(runnable(backends, 'shutdwonTimeout: 1s\nlog: { level: loud }'))
    const child = startSource(SOURCE_MAIN, ['run', '-c', invalid])
    expect(await child.exit).to.equal(78)
    expect(child.stdout).to.equal('')
    expect(child.stderr).to.contain('is not valid: 2 problems').and.to.contain('did you mean "shutdownTimeout"?')
  })

  it('refuses what cannot be read, and what has no listener', async () => {
    const missing = await limpet(['run', '-c', '/no/such/file'])
    expect(missing).to.include({ status: 78, stdout: '' })
    expect(missing.stderr).to.equal('limpet: cannot read the configuration file "/no/such/file": it does not exist\n')
    const idle = await limpet(['run', '-c', fileOf('pools: { p: { backends: [] } }'), '--json'])
    expect(idle).to.include({ status: 78, stdout: '' })
    expect(JSON.parse(idle.stderr)).to.have.nested.property('problems[0].path', 'listeners')
  })

  it('refuses a backend that is its own listener', async () => {
    const busy = await occupied()
    const port = portOf(busy)
    busy.close()
    await once(busy, 'close')
    const text = runnable([`127.0.0.1:${port}`]).replace('127.0.0.1:0', `127.0.0.1:${port}`)
    const { status, stderr } = await limpet(['run', '-c', fileOf(text)])
    expect(status).to.equal(78)
    expect(stderr).to.contain('pools.p.backends[0].address')
  })

  it('goes on when nobody reads its log, and with its input closed', async () => {
    const deaf = await running('log: { level: trace, sessions: on }')
    deaf.child.process.stdout.destroy()
    deaf.child.process.stderr.destroy()
    deaf.child.process.stdin.destroy()
    for (let session = 0; session < 5; session++) {
      const socket = await client(deaf)
      const closed = gone(socket)
      socket.end()
      await closed
    }
    const last = await client(deaf)
    deaf.child.kill('SIGTERM')
    last.end()
    expect(await deaf.child.exit).to.equal(0)
  })

  /** More sessions, and so more lines, than a pipe and its reader's buffer hold. */
  const MANY = 1000

  async function withStalledLog(): Promise<Running> {
    const stalled = await running('log: { sessions: on }')
    stalled.child.process.stdout.pause()
    for (let served = 0; served < MANY; served += 20) {
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const socket = await client(stalled)
          const closed = gone(socket)
          socket.end()
          await closed
        }),
      )
    }
    return stalled
  }

  it('serves, and stops, while the reader of its log stalls', async () => {
    const { child } = await withStalledLog()
    const exit = once(child.process, 'exit')
    child.kill('SIGTERM')
    expect(await exit).to.deep.equal([0, null])
    child.process.stdout.resume()
    await child.exit
    expect(child.lines.filter(line => line.includes('"msg":"session"'))).to.have.length.below(MANY)
  })

  it('waits at its end for a reader that is late', async () => {
    const { child, port } = await withStalledLog()
    child.kill('SIGTERM')
    await closed(port)
    child.process.stdout.resume()
    expect(await child.exit).to.equal(0)
    expect(await child.logged('closed')).to.include({ cut: 0 })
    expect(child.lines.filter(line => line.includes('"msg":"session"'))).to.have.length.at.least(MANY)
  })

  it('goes on when its log cannot be written', async () => {
    const file = fileOf(
      runnable(backends, 'log: { level: trace, sessions: on }').replace(':0,', `:${await freePort()},`),
    )
    const full = openSync('/dev/full', 'w')
    const child = spawn(process.execPath, [compiled(SOURCE_MAIN), 'run', '-c', file], {
      cwd: ROOT,
      stdio: ['ignore', full, 'inherit'],
    })
    closeSync(full)
    const exit = once(child, 'exit')
    const [, port] = /bind: [\d.]+:(\d+)/.exec(readFileSync(file, 'utf8')) ?? []
    const socket = await connected(Number(port))
    clients.push(socket)
    child.kill('SIGTERM')
    socket.end()
    expect(await exit).to.deep.equal([0, null])
  })
})

/** A client that was greeted, as soon as somebody listens. */
async function connected(port: number): Promise<Socket> {
  let socket = new Socket()
  await until('a greeting', () => {
    socket = connect(port, '127.0.0.1')
    return new Promise<boolean>(resolve => {
      socket.once('data', () => resolve(true)).once('close', () => resolve(false))
      socket.on('error', () => socket.destroy())
    })
  })
  return socket
}

/**
 * Waits until nobody listens, for a process that is still to hear that it should stop. A listener that closes answers
 * nobody who comes anew, and then refuses.
 */
async function closed(port: number): Promise<void> {
  await until('the listener to be closed', () => {
    const client = connect({ port, host: '127.0.0.1', timeout: 100 })
    return new Promise<boolean>(resolve => {
      client.once('connect', () => client.destroy()).once('close', () => resolve(false))
      client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
      client.once('timeout', () => {
        resolve(true)
        client.destroy()
      })
    })
  })
}

/** Connects until nobody listens. Whoever comes while the listener closes may be reset, but is not served. */
async function refused(port: number): Promise<void> {
  for (;;) {
    const late = connect(port, '127.0.0.1')
    const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException]
    expect(late.bytesRead).to.equal(0)
    if (error.code === 'ECONNREFUSED') return
    expect(error.code).to.equal('ECONNRESET')
  }
}

async function occupied(): Promise<Server> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
