import { once } from 'node:events'
import { Writable } from 'node:stream'
import { expect } from 'chai'
import { humanLine } from '../../src/log/human.ts'
import { createLog, sessionLog } from '../../src/log/log.ts'
import { BoundedOutput } from '../../src/log/standard-output.ts'
import type { SessionClosed } from '../../src/relay/session-feed.ts'

function collect(): { lines: string[]; destination: { write(line: string): void } } {
  const lines: string[] = []
  return { lines, destination: { write: line => lines.push(line) } }
}

const SESSION: SessionClosed = {
  id: '1',
  time: 1_700_000_000_000,
  relay: 'native',
  listener: 'l',
  pool: 'p',
  clientAddress: '192.0.2.1',
  clientPort: 1234,
  backend: 'a',
  reason: 'home',
  connectMs: 0.5,
  cause: 'endFinished',
  bytesToBackend: 1,
  bytesToClient: 2,
  durationMs: 3,
}

describe('the log', () => {
  it('writes JSON lines with a readable time and level', () => {
    const { lines, destination } = collect()
    createLog('info', destination).info({ listener: 'l' }, 'listening')
    const { time, ...line } = JSON.parse(lines.join(''))
    expect(line).to.deep.equal({ level: 'info', listener: 'l', msg: 'listening' })
    expect(new Date(time).toISOString()).to.equal(time)
    expect(lines[0]).to.match(/\n$/)
  })

  it('leaves out what is less important than its level', () => {
    const { lines, destination } = collect()
    const log = createLog('warn', destination)
    log.info('no')
    log.warn('yes')
    expect(lines.map(line => JSON.parse(line).msg)).to.deep.equal(['yes'])
  })

  it('writes sessions even when it is silent otherwise', () => {
    const { lines, destination } = collect()
    const log = createLog('silent', destination)
    log.fatal('no')
    sessionLog(log, 1)(SESSION)
    expect(lines).to.have.length(1)
    const { time, ...line } = JSON.parse(lines[0] ?? '')
    const { time: _, ...session } = SESSION
    expect(line).to.deep.equal({ level: 'info', ...session, msg: 'session' })
    expect(time).to.be.a('string')
  })

  it('writes a share of the sessions', () => {
    const { lines, destination } = collect()
    const write = sessionLog(createLog('info', destination), 0.5)
    for (let n = 0; n < 1000; n++) write(SESSION)
    expect(lines.length).to.be.within(350, 650)
  })
})

describe('the log on a terminal', () => {
  it('writes lines for people', () => {
    const lines: string[] = []
    const log = createLog('info', { write: line => lines.push(humanLine(line)) })
    log.info({ listener: 'l', sessions: 5 }, 'listening')
    log.warn('careful')
    expect(lines.map(line => line.replace(/^\d\d:\d\d:\d\d\.\d\d\d/, 'TIME'))).to.deep.equal([
      'TIME listening listener=l sessions=5\n',
      'TIME warn: careful\n',
    ])
  })

  it('lets no control sequence through', () => {
    const line = humanLine(
      JSON.stringify({ level: 'info', time: '', msg: 'a\u001b[31mb', name: 'x\ny', deep: { bad: '\u009b' } }),
    )
    expect(line).to.match(/^[\p{L}\p{N}\p{P}\p{S} ]*\n$/u)
    expect(line).to.include('[31mb')
  })
})

/** A reader that takes a chunk only when it is told to. */
class SlowReader extends Writable {
  readonly chunks: string[] = []
  #taken: (() => void) | undefined
  #isReading = false

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.chunks.push(chunk.toString())
    if (this.#isReading) done()
    else this.#taken = done
  }

  read(): void {
    this.#isReading = true
    this.#taken?.()
  }

  stall(): void {
    this.#isReading = false
  }
}

describe('standard output', () => {
  const same = (line: string): string => line
  const line = `${JSON.stringify({ msg: 'x'.repeat(1013) })}\n`

  async function drained(reader: SlowReader): Promise<void> {
    const drain = once(reader, 'drain')
    reader.read()
    await drain
  }

  it('drops lines past 1 MiB that nobody reads, and tells how many there were', async () => {
    const reader = new SlowReader()
    const output = new BoundedOutput(reader, same)
    expect(line).to.have.length(1024)
    for (let count = 0; count < 2000; count++) output.write(line)
    expect(reader.writableLength).to.equal(1025 * 1024)
    await drained(reader)
    output.write('last\n')
    const [report = '', last] = reader.chunks.slice(1025)
    const { time, ...facts } = JSON.parse(report)
    expect(facts).to.deep.equal({ level: 'warn', lines: 975, msg: 'lines were dropped: nobody read the log' })
    expect(new Date(time).toISOString()).to.equal(time)
    expect([last, reader.chunks.length]).to.deep.equal(['last\n', 1027])
  })

  it('tells again when it happens again, in its own format', async () => {
    const reader = new SlowReader()
    const output = new BoundedOutput(reader, text => humanLine(text))
    for (let turn = 0; turn < 2; turn++) {
      for (let count = 0; count < 1100; count++) output.write(line)
      await drained(reader)
      reader.stall()
    }
    const reports = reader.chunks.filter(chunk => chunk.includes('lines were dropped'))
    expect(reports).to.have.length(2)
    for (const report of reports) expect(report).to.match(/ warn: lines were dropped: nobody read the log lines=\d+\n$/)
  })

  it('is given up at its first error, reported or thrown', () => {
    let writes = 0
    const failing = new Writable({ write: (_chunk, _encoding, done) => done(new Error(`EPIPE ${++writes}`)) })
    const throwing = new Writable({
      write: () => {
        throw new Error(`ENOSPC ${++writes}`)
      },
    })
    for (const stream of [failing, throwing]) {
      const output = new BoundedOutput(stream, same)
      output.write('a\n')
      output.write('b\n')
    }
    expect(writes).to.equal(2)
  })

  it('waits for a reader, and not for ever', async () => {
    const reader = new SlowReader()
    const output = new BoundedOutput(reader, same)
    await output.written(60_000)
    output.write('a\n')
    output.write('b\n')
    await output.written(1)
    expect(reader.chunks).to.deep.equal(['a\n'])
    const written = output.written(60_000)
    reader.read()
    await written
    expect(reader.chunks.join('')).to.equal('a\nb\n')
  })
})
