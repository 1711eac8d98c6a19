import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { ratesOf } from '../../../src/cli/admin/rates.ts'
import type { Keyboard } from '../../../src/cli/io.ts'
import type { SessionCounts } from '../../../src/relay/counters.ts'
import { limpet, Recorder } from '../helpers.ts'
import { backendInfo, poolStats, ScriptedServer, statusReport } from './server.ts'

const ENTER = '\u001b[?1049h'
const LEAVE = '\u001b[?1049l'

/** A status after so many seconds of so much. */
function reportAt(seconds: number, accepted: number, bytes: number, total = accepted): ReturnType<typeof statusReport> {
  const report = statusReport({ redis: poolStats([backendInfo('b1', { total })]) }, { uptimeMs: seconds * 1000 })
  const counters = { accepted, bytesToBackend: bytes, bytesToClient: 2 * bytes } as SessionCounts
  return { ...report, stats: { ...report.stats, counters } }
}

/** Keys of a terminal. */
class FakeKeyboard extends EventEmitter {
  readonly modes: boolean[] = []
  setRawMode(isRaw: boolean): this {
    this.modes.push(isRaw)
    return this
  }
  resume(): this {
    return this
  }
  pause(): this {
    return this
  }
}

describe('cli: top', () => {
  let server: ScriptedServer
  let admin = ''

  beforeEach(async () => {
    server = new ScriptedServer({ 'GET /v1/config': [200, {}], 'GET /v1/status': [200, reportAt(10, 100, 5000)] })
    admin = await server.listen()
  })
  afterEach(() => server.close())

  /** Runs it on a terminal; `act` gets what was drawn with every write. */
  async function onTerminal(
    args: string[],
    act: (text: string, keyboard: FakeKeyboard, signals: EventEmitter) => void,
  ) {
    const [{ runCli }, { Terminal }] = await Promise.all([
      import('../../../src/cli/program.ts'),
      import('../../../src/cli/terminal.ts'),
    ])
    const env = { LIMPET_ADMIN: admin, NO_COLOR: '1' }
    const [stdout, stderr] = [new Recorder(100), new Recorder(100)]
    Object.assign(stdout.stream, { rows: 5 })
    const [keyboard, signals] = [new FakeKeyboard(), new EventEmitter()]
    stdout.stream.on('data', () => act(stdout.text, keyboard, signals))
    const io = {
      stdin: Readable.from([]),
      stdout: new Terminal(stdout.stream, env),
      stderr: new Terminal(stderr.stream, env),
      env,
      signals,
      keyboard: keyboard as unknown as Keyboard,
    }
    const status = await runCli(['top', ...args], io)
    return { status, text: stdout.text, stderr: stderr.text, keyboard, signals }
  }

  it('draws until q, and gives the terminal back', async () => {
    for (const key of ['q', '\u0003']) {
      const { status, text, stderr, keyboard } = await onTerminal([], (drawn, keys) => {
        if (drawn.includes('sessions/s')) keys.emit('data', Buffer.from(key))
      })
      expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' })
      expect(text.startsWith(ENTER)).to.equal(true)
      expect(text.endsWith(LEAVE)).to.equal(true)
      expect(text).to.contain('10 sessions/s  500 B/s to backends  1.0 kB/s to clients')
      // Its five lines, and not the table below.
      expect(text).not.to.contain('NEW/S')
      expect(keyboard.modes).to.deep.equal([true, false])
      expect(keyboard.listenerCount('data')).to.equal(0)
    }
  })

  it('ends by a signal, and when the process has gone', async () => {
    const stopped = await onTerminal([], (drawn, _, signals) => {
      if (drawn.includes('sessions/s')) signals.emit('SIGTERM')
    })
    expect(stopped.status).to.equal(0)
    expect(stopped.signals.listenerCount('SIGTERM')).to.equal(0)
    const gone = await onTerminal([], drawn => {
      if (drawn.includes('sessions/s')) server.script = { 'GET /v1/status': response => response.destroy() }
    })
    expect(gone.status).to.equal(69)
    expect(gone.text.endsWith(LEAVE)).to.equal(true)
    expect(gone.keyboard.modes).to.deep.equal([true, false])
    expect(gone.stderr).to.contain('has closed the connection')
  })

  it('prints a line every second with --json, anywhere, as often as asked', async () => {
    const { status, stdout } = await limpet(['top', '--json', '--count', '2'], { env: { LIMPET_ADMIN: admin } })
    expect(status).to.equal(0)
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines.map(({ rates }) => rates)).to.deep.equal([
      { sessions: 10, bytesToBackend: 500, bytesToClient: 1000 },
      { sessions: 10, bytesToBackend: 500, bytesToClient: 1000 },
    ])
    expect(lines[0].stats.pools.redis.backends[0].name).to.equal('b1')
  })

  it('refuses to draw where there is no terminal', async () => {
    const { status, stderr } = await limpet(['top'], { env: { LIMPET_ADMIN: admin } })
    expect(status).to.equal(64)
    expect(stderr).to.contain('limpet top --json')
  })

  it('takes rates by differences, and begins anew with another process', () => {
    const [first, second] = [reportAt(10, 100, 5000), reportAt(12, 160, 6000)]
    const rates = ratesOf(first, second)
    expect(rates).to.include({ sessions: 30, bytesToBackend: 500, bytesToClient: 1000 })
    expect(rates.backends('redis', 'b1')).to.equal(30)
    expect(rates.backends('redis', 'unknown')).to.equal(0)
    expect(ratesOf(second, { ...reportAt(2, 10, 0), pid: 1 }).sessions).to.equal(5)
    expect(ratesOf(second, reportAt(2, 10, 0)).sessions).to.equal(5)
  })
})
