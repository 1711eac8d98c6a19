import { expect } from 'chai'
import { judge } from '../../../scripts/lib/native-test/program-runner.mjs'

describe('native tests: what a program ended with', () => {
  const ended = (changes: Partial<Parameters<typeof judge>[0]>) => {
    return judge({ status: 0, output: 'fine\n3 passed, 0 failed\n', timedOut: false, ...changes })
  }

  it('counts what it reports, by the last report', () => {
    expect(ended({})).to.deep.equal({ passed: 3, failed: 0 })
    expect(ended({ output: '1 passed, 0 failed\n7 passed, 0 failed\n' })).to.deep.equal({ passed: 7, failed: 0 })
    expect(ended({ status: 1, output: '2 passed, 5 failed\n' })).to.include({ passed: 2, failed: 5 })
  })

  it('takes a bad end for a failure, whatever it reported', () => {
    expect(ended({ status: 66 })).to.deep.equal({ passed: 3, failed: 1, problem: 'exit status 66' })
    expect(ended({ status: 137, timedOut: true })).to.deep.equal({
      passed: 3,
      failed: 1,
      problem: 'killed after 600 s',
    })
  })

  it('takes silence, and a report of no tests, for a failure', () => {
    expect(ended({ output: '' })).to.include({ passed: 0, failed: 1 })
    expect(ended({ output: '0 passed, 0 failed\n' })).to.deep.equal({ passed: 0, failed: 1, problem: 'it ran no test' })
  })
})
