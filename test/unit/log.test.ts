import { expect } from 'chai'
import { humanLine, humanStream } from '../../src/log/human.ts'
import { createLog, sessionLog } from '../../src/log/log.ts'
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
    sessionLog(log)(SESSION)
    expect(lines).to.have.length(1)
    const { time, ...line } = JSON.parse(lines[0] ?? '')
    const { time: _, ...session } = SESSION
    expect(line).to.deep.equal({ level: 'info', ...session, msg: 'session' })
    expect(time).to.be.a('string')
  })
})

describe('the log on a terminal', () => {
  it('writes lines for people', () => {
    const lines: string[] = []
    const log = createLog(
      'info',
      humanStream(line => lines.push(line)),
    )
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
    expect(line).to.match(/^[\p{L}\p{N}\p{P}\p{S} ]*$/u)
    expect(line).to.include('[31mb')
  })
})
