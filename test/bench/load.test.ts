// The load generator itself: that it notices what it must notice, before anything is measured with it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { expect } from 'chai'
import { nativeProgram } from '../../src/bench/programs.ts'
import { requireGoodBackends, requireNone } from '../../src/bench/relay/faults.ts'
import { Backends, IdleSessions, type LoadArguments, runLoad, targetsOf } from '../../src/bench/relay/load.ts'
import { freePort } from '../helpers/net.ts'
import { cpuSeconds } from '../helpers/processes.ts'
import { runProgram } from '../helpers/programs.ts'
import { TEST_MS, until } from '../helpers/wait.ts'

const { signal } = new AbortController()
const SHORT = { ms: 100, 'warmup-ms': 20 }

const BULK: Record<string, LoadArguments> = {
  down: { sessions: 2, down: 1 },
  up: { sessions: 2, up: 1 },
  both: { sessions: 2, down: 1, up: 1 },
}

/** A relay of a few lines, which does something to the bytes. */
class Meddler implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(backend: number, meddle: (bytes: Buffer, way: 'down' | 'up', before: number) => Buffer | undefined) {
    this.#server = createServer(client => {
      const server = connect({ port: backend, host: '127.0.0.1' })
      const join = (from: Socket, to: Socket, way: 'down' | 'up'): void => {
        let before = 0
        this.#sockets.add(from)
        from.on('error', () => to.destroy()).on('close', () => to.destroy())
        from.on('data', (bytes: Buffer) => {
          const changed = meddle(bytes, way, before)
          before += bytes.length
          if (changed === undefined) to.destroy()
          else if (!to.write(changed)) from.pause()
        })
        to.on('drain', () => from.resume())
      }
      join(client, server, 'up')
      join(server, client, 'down')
    })
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** Runs a trial through a meddler, and returns the faults of both sides. */
async function through(
  trial: string,
  args: LoadArguments,
  meddle: ConstructorParameters<typeof Meddler>[1],
): Promise<{ clients: Record<string, unknown>; backends: Record<string, unknown> }> {
  await using backends = await Backends.start({ count: 1 }, signal)
  await using meddler = new Meddler(backends.ports[0] ?? 0, meddle)
  const target = targetsOf([await meddler.listen()])
  const { faults } = await runLoad(trial, { target, ...SHORT, ms: 300, ...args }, signal)
  const totals = await backends.totals(signal)
  return { clients: { ...faults }, backends: { ...totals.faults } }
}

describe('bench: the load generator', function () {
  this.timeout(TEST_MS)

  for (const threads of [1, 2]) {
    it(`does every trial directly without a fault, with ${threads} threads`, async () => {
      await using backends = await Backends.start({ count: 5, threads }, signal)
      const load = { target: targetsOf(backends.ports), backend: backends.pid, threads, ...SHORT }
      for (const [trial, args] of [
        ['connection', { 'at-once': 8, idle: 20 }],
        ['round-trip', { sessions: 50, 'in-flight': 8 }],
        ...Object.values(BULK).map(bulk => ['bulk', bulk] as const),
      ] as const) {
        const result = await runLoad(trial, { ...load, ...args }, signal)
        requireNone(result.faults)
        expect(trial === 'bulk' ? result.bytes : result.units, trial).to.be.greaterThan(0)
        expect(result.loadCpuNs, trial).to.be.greaterThan(0)
        expect(result.backendCpuNs, trial).to.be.greaterThan(0)
        if (trial === 'bulk') continue
        const { p50, p99, p999, most } = result.latencyNs
        expect([p50, p99, p999, most], trial).to.deep.equal([p50, p99, p999, most].sort((a, b) => a - b))
        expect(p50, trial).to.be.greaterThan(0)
      }
      const totals = await backends.totals(signal)
      requireGoodBackends(totals)
      expect(totals.received).to.be.greaterThan(0)
      expect(totals.sent).to.be.greaterThan(0)
    })
  }

  it('does as many as it is told to', async () => {
    await using backends = await Backends.start({ count: 3 }, signal)
    const load = { target: targetsOf(backends.ports), count: 321 }
    const connections = await runLoad('connection', load, signal)
    const roundTrips = await runLoad('round-trip', { ...load, sessions: 7 }, signal)
    expect([connections.units, roundTrips.units]).to.deep.equal([321, 321])
    const { connections: seen, answers } = await backends.totals(signal)
    // Those of round trips are opened with a message.
    expect([seen, answers]).to.deep.equal([321 + 7, 321 + 321 + 7])
  })

  it('comes from many addresses', async () => {
    const seen = new Set<string>()
    const server = createServer(socket => {
      seen.add(socket.remoteAddress ?? '')
      socket.on('error', () => undefined).destroy()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const target = targetsOf([(server.address() as AddressInfo).port])
    await runLoad('connection', { target, sources: 50, count: 200, 'at-once': 1 }, signal)
    server.close()
    expect(seen.size).to.equal(50)
    for (const address of seen) expect(address).to.match(/^127\.64\./)
  })

  it('counts answers that a backend changed', async () => {
    const program = spawn(nativeProgram('load'), ['backend', '--ports', '1', '--corrupt-every', '10'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const [line] = (await once(program.stdout, 'data')) as [Buffer]
    const target = targetsOf(JSON.parse(String(line)).ports)
    const { faults } = await runLoad('connection', { target, count: 100 }, signal)
    expect({ ...faults }).to.include({ total: 10, corrupt: 10 })
    expect(() => requireNone(faults))
      .to.throw()
      .with.property('code', 'LIMPET_ERR_BENCH_PROGRAM')
    const trips = await runLoad('round-trip', { target, sessions: 4, count: 1000 }, signal)
    // Each ends its session: those of the opening, and of the trial.
    expect(trips.faults.corrupt).to.be.within(1, 4)
    program.stdin.end()
    await once(program, 'close')
  })

  it('counts requests that a relay changed, at the backend', async () => {
    const { clients, backends } = await through('connection', { count: 20 }, (bytes, way) => {
      if (way === 'up') bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40)
      return bytes
    })
    expect(backends).to.include({ corrupt: 20 })
    expect(clients).to.include({ closed: 20 })
  })

  for (const way of ['down', 'up'] as const) {
    const side = way === 'down' ? 'clients' : 'backends'
    /** Far behind the messages that open a stream, once. */
    const once = (change: (bytes: Buffer) => Buffer) => {
      let done = false
      return (bytes: Buffer, going: string, before: number) => {
        if (done || going !== way || before < 100_000 || bytes.length < 10_000) return bytes
        done = true
        return change(bytes)
      }
    }

    it(`notices a byte that is lost, ${way}`, async () => {
      const faults = await through(
        'bulk',
        { ...BULK[way] },
        once(bytes => bytes.subarray(1)),
      )
      expect(faults[side]).to.include({ corrupt: 1 })
    })

    it(`notices a byte that comes twice, ${way}`, async () => {
      const twice = once(bytes => Buffer.concat([bytes.subarray(0, 5000), bytes.subarray(4999)]))
      expect((await through('bulk', { ...BULK[way] }, twice))[side]).to.include({ corrupt: 1 })
    })

    it(`notices changed bytes in the middle, ${way}`, async () => {
      const changed = once(bytes => Buffer.from(bytes).fill(0, 100, bytes.length - 100))
      expect((await through('bulk', { ...BULK[way] }, changed))[side]).to.include({ corrupt: 1 })
    })
  }

  it('counts connects that are refused', async () => {
    const target = targetsOf([await freePort()])
    const { units, faults } = await runLoad('connection', { target, count: 10 }, signal)
    expect(units).to.equal(0)
    expect(faults).to.include({ total: 10, refused: 10 })
  })

  it('counts sessions that are closed without an answer', async () => {
    const { clients } = await through('connection', { count: 10 }, () => undefined)
    expect(clients.total).to.equal(10)
    expect(Number(clients.closed) + Number(clients.reset)).to.equal(10)
  })

  it('counts sessions that wait for an answer in vain, and ends', async () => {
    const silent = createServer(socket => socket.on('error', () => undefined).resume()).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const target = targetsOf([(silent.address() as AddressInfo).port])
    const { units, faults } = await runLoad('connection', { target, 'at-once': 3, ...SHORT }, signal)
    silent.close()
    expect(units).to.equal(0)
    expect(faults).to.include({ total: 3, stalled: 3 })
  })

  it('counts transfers that never begin, and ends', async () => {
    // What follows the greeting of a session is lost.
    const lost = (bytes: Buffer, way: string, before: number): Buffer =>
      way === 'up' && before > 0 ? Buffer.alloc(0) : bytes
    const { clients } = await through('bulk', { sessions: 3, down: 1, ...SHORT }, lost)
    expect(clients).to.include({ total: 3, stalled: 3 })
  })

  it('keeps idle sessions, and counts those that are lost meanwhile', async () => {
    await using backends = await Backends.start({ count: 2 }, signal)
    await using whole = await IdleSessions.open({ target: targetsOf(backends.ports), sessions: 200 }, signal)
    requireNone(await whole.faults(signal))

    await using meddler = new Meddler(backends.ports[0] ?? 0, (bytes, way, before) => {
      // The second question is not answered.
      return way === 'up' && before > 0 ? undefined : bytes
    })
    await using lost = await IdleSessions.open({ target: targetsOf([await meddler.listen()]), sessions: 3 }, signal)
    expect((await lost.faults(signal)).total).to.be.greaterThan(0)
  })

  it('reads the CPU time of the processes that it is told to watch', async () => {
    const busy = spawn(process.execPath, ['-e', 'for (;;);'])
    try {
      const pid = busy.pid ?? 0
      await until('a busy process', () => cpuSeconds(pid) > 0.1)
      await using backends = await Backends.start({ count: 1 }, signal)
      const before = cpuSeconds(pid)
      const load = { target: targetsOf(backends.ports), watch: pid, backend: backends.pid, ...SHORT }
      const { watchedCpuNs, ns } = await runLoad('connection', load, signal)
      // Ticks of 10 ms, of which one may be under way at either end.
      const most = cpuSeconds(pid) - before + 0.02
      expect(watchedCpuNs).to.be.greaterThan(0)
      expect(watchedCpuNs / 1e9).to.be.lessThan(most)
      expect(ns / 1e6).to.be.greaterThan(99)
    } finally {
      busy.kill('SIGKILL')
    }
  })

  it('refuses arguments that it does not know, or cannot use', async () => {
    const wrong = [
      [],
      ['tea'],
      ['connection'],
      ['connection', '--target', '127.0.0.1'],
      ['connection', '--target', '127.0.0.1:1', '--at-once', '0'],
      ['connection', '--target', '127.0.0.1:1', '--tea', '1'],
      ['bulk', '--target', '127.0.0.1:1'],
      ['backend', '--ports'],
    ]
    for (const args of wrong) {
      const error = await runProgram(nativeProgram('load'), args).catch((failure: Error) => failure)
      expect(error, args.join(' ')).to.be.instanceOf(Error)
      expect((error as Error).message, args.join(' ')).to.include('ended with 64')
    }
  })
})
