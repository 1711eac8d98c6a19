import { expect } from 'chai'
import { createLog } from '../../src/log/log.ts'
import { TroubleReport } from '../../src/log/trouble.ts'
import { noSessions } from '../../src/relay/counters.ts'

describe('the report of trouble', () => {
  it('tells what is new, once, and nothing when all is well', () => {
    const lines: Record<string, unknown>[] = []
    const log = createLog('warn', { write: line => lines.push(JSON.parse(line)) })
    let counts = { ...noSessions(), refusedNoBackend: 3 }
    const report = new TroubleReport(log, () => counts)
    counts = { ...counts, accepted: 9, refusedNoBackend: 5, connectRefused: 2 }
    report.stop()
    report.stop()
    expect(lines).to.have.length(1)
    expect(lines[0])
      .to.include({ level: 'warn', refusedNoBackend: 2, connectRefused: 2 })
      .and.not.have.property('accepted')
  })
})
