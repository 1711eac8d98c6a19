import { expect } from 'chai'
import { judge } from '../../../scripts/lib/native-test/program-runner.mjs'

describe('native tests: what a program ended with', () => {
  const ended = (changes: Partial<Parameters<typeof judge>[0]>) => {
    return judge({ status: 0, output: 'fine\n3 passed, 0 failed\n', timedOut: false, ...changes })
  }

  it('counts what it reports, by the last report', () => {
    expect(ended({})).to.deep.equal({ passed: 3, failures: [] })
    expect(ended({ output: '1 passed, 0 failed\n7 passed, 0 failed\n' })).to.deep.equal({ passed: 7, failures: [] })
  })

  it('names what failed', () => {
    const output = 'ok   one (0.10 s)\nFAIL two (fast) (0.20 s)\n1 passed, 1 failed\n'
    expect(ended({ status: 1, output })).to.deep.equal({ passed: 1, failures: ['two (fast)'] })
    expect(ended({ status: 134, output })).to.deep.equal({ passed: 1, failures: ['two (fast)', 'exit status 134'] })
  })

  it('takes a bad end for a failure, whatever it reported', () => {
    expect(ended({ status: 66 })).to.deep.equal({ passed: 3, failures: ['exit status 66'] })
    expect(ended({ status: 1 })).to.deep.equal({ passed: 3, failures: ['exit status 1'] })
    const killed = { status: 137, timedOut: true }
    expect(ended(killed)).to.deep.equal({ passed: 3, failures: ['killed after 600 s'] })
  })

  it('takes silence, and a report of no tests, for a failure', () => {
    const silent = { passed: 0, failures: ['it printed no "N passed, N failed"'] }
    expect(ended({ output: '' })).to.deep.equal(silent)
    const idle = { passed: 0, failures: ['it ran no test'] }
    expect(ended({ output: '0 passed, 0 failed\n' })).to.deep.equal(idle)
  })
})
