import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect } from 'chai'
import { type Child, cleanUp, DEMO_MAIN, gone, portOf, received, startSource } from './helpers.ts'

describe('cli: the demo', () => {
  const clients: Socket[] = []

  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy()
  })
  after(cleanUp)

  async function started(env: NodeJS.ProcessEnv = { LIMPET_DEMO_PORT: '0' }): Promise<{ child: Child; port: number }> {
    const child = startSource(DEMO_MAIN, [], env)
    const line = await child.line(/listener +127\.0\.0\.1:\d+/)
    await child.line(/status, quit/)
    return { child, port: Number(line.split(':').at(-1)) }
  }

  /** A client from a loopback address, and the name of the backend that greets it. */
  async function visit(port: number, localAddress = '127.0.0.1'): Promise<{ socket: Socket; backend: string }> {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    clients.push(socket)
    socket.on('error', () => socket.destroy())
    const greeting = await received(socket, /\n/)
    return { socket, backend: /backend (\w)/.exec(greeting)?.[1] ?? '' }
  }

  async function leave(socket: Socket): Promise<void> {
    const closed = gone(socket)
    socket.end()
    await closed
  }

  it('shows every decision, and what to try', async () => {
    const { child, port } = await started()
    for (const text of [`nc 127.0.0.1 ${port}`, `nc -s 127.0.0.2 127.0.0.1 ${port}`, 'stop b', 'start b', 'Ctrl-C']) {
      expect(child.stdout).to.contain(text)
    }
    const first = await visit(port)
    first.socket.write('hello\nwor')
    expect(await received(first.socket, /\n/)).to.equal(`${first.backend}: hello\n`)
    first.socket.write('ld\n')
    expect(await received(first.socket, /\n/)).to.equal(`${first.backend}: world\n`)
    await child.line(new RegExp(`127\\.0\\.0\\.1:${first.socket.localPort} +→ ${first.backend} +home`))
    const { localPort } = first.socket
    await leave(first.socket)
    await child.line(new RegExp(`127\\.0\\.0\\.1:${localPort} +× ${first.backend} +finished: .* 12 B in`))
    const second = await visit(port)
    expect(second.backend).to.equal(first.backend)
    await child.line(new RegExp(`:${second.socket.localPort} +→ ${first.backend} +pin`))
    const { localPort: secondPort } = second.socket
    await leave(second.socket)
    // Its seat is free now, so that the home of the next client is not at its bound.
    await child.line(new RegExp(`:${secondPort} +×`))
    const other = await visit(port, '127.0.0.2')
    await child.line(new RegExp(`127\\.0\\.0\\.2:${other.socket.localPort} +→ ${other.backend} +home`))
    await leave(other.socket)
    child.kill('SIGINT')
    expect(await child.exit).to.equal(0)
    expect(child.lines.at(-1)).to.equal('Every session has finished. Bye.')
    expect(child.stderr).to.equal('')
  })

  it('stops and starts backends by typed lines', async () => {
    const { child, port } = await started()
    const type = (line: string): boolean => child.process.stdin.write(`${line}\n`)
    const { socket, backend } = await visit(port)
    const closed = gone(socket)
    type(`stop ${backend}`)
    await child.line(new RegExp(`Backend ${backend} is down\\.`))
    await closed
    await child.line(new RegExp(`× ${backend} +the backend went away`))
    const moved = await visit(port)
    expect(moved.backend).not.to.equal(backend)
    await child.line(new RegExp(`→ ${moved.backend} +redispatch`))
    type('status')
    await child.line(new RegExp(`^${backend} +down +0 `))
    await child.line(new RegExp(`^${moved.backend} +up +1 `))
    for (const [line, says] of [
      [`stop ${backend}`, /is down already/],
      [`start ${backend}`, /is back/],
      ['stop x', /Which one\? stop a, stop b, stop c/],
      ['dance', /no command "dance"/],
    ] as const) {
      type(line)
      await child.line(says)
    }
    for (const name of ['a', 'b', 'c']) type(`stop ${name}`)
    await child.line(/Backend c is down/)
    await gone(connect(port, '127.0.0.1').resume())
    await child.line(/refused: no backend answered/)
    type('quit')
    expect(await child.exit).to.equal(0)
  })

  it('cuts what is still open after Ctrl-C, and exits with 0', async () => {
    const { child, port } = await started()
    const { socket } = await visit(port)
    const closed = gone(socket)
    child.kill('SIGINT')
    await child.line(/Waiting 2 s for 1 session to end/)
    await closed
    expect(await child.exit).to.equal(0)
    expect(child.lines.at(-1)).to.equal('1 session cut. Bye.')
  })

  it('ends at once at a second signal', async () => {
    const { child, port } = await started()
    await visit(port)
    child.kill('SIGINT')
    await child.line(/Waiting/)
    const asked = performance.now()
    child.kill('SIGTERM')
    expect(await child.exit).to.equal(0)
    // Far below the two seconds that it would wait otherwise.
    expect(performance.now() - asked).to.be.below(1900)
  })

  it('goes on without an input, and ends when nobody reads', async () => {
    const { child, port } = await started({ LIMPET_DEMO_PORT: '', PORT: '0' })
    child.process.stdin.end()
    const { socket } = await visit(port)
    await child.line(/→ \w +home/)
    child.process.stdout.destroy()
    // The next line finds nobody.
    await leave(socket)
    expect(await child.exit).to.equal(0)
    expect(child.stderr).to.equal('')
  })

  it('says in one sentence that its port is busy, or no port', async () => {
    const busy = createServer()
    busy.listen(0, '127.0.0.1')
    await once(busy, 'listening')
    const port = portOf(busy)
    const [taken, wrong] = [String(port), '70000'].map(LIMPET_DEMO_PORT =>
      startSource(DEMO_MAIN, [], { LIMPET_DEMO_PORT }),
    )
    expect(await taken?.exit).to.equal(1)
    expect(taken?.stderr).to.equal(
      `limpet demo: port ${port} is in use; give the demo another one: LIMPET_DEMO_PORT=7001 npm start\n`,
    )
    expect(taken?.stdout).to.equal('')
    expect(await wrong?.exit).to.equal(64)
    expect(wrong?.stderr).to.equal('limpet demo: LIMPET_DEMO_PORT is "70000"; give it a port from 0 to 65535\n')
    busy.close()
  })
})
