import { expect } from 'chai'
import fc from 'fast-check'
import { readAgentLine } from '../../../src/health/agent-words.ts'

describe('health: words of an agent', () => {
  const cases: [string, object][] = [
    ['75%', { weight: 75 }],
    ['0%', { weight: 0 }],
    ['250%', { weight: 100 }],
    ['drain', { state: 'drain' }],
    ['READY up 50%', { state: 'ready', isUp: true, weight: 50 }],
    ['\t maint,maxconn:30 ', { state: 'maint', maxSessions: 30 }],
    ['maxconn:0', { maxSessions: 0 }],
    ['maxconn:999999999', { maxSessions: 10_000_000 }],
    ['down', { isUp: false }],
    ['stopped#for a reboot, soon', { isUp: false, reason: 'for a reboot, soon' }],
    ['fail # ', { isUp: false }],
    ['failed', { isUp: false }],
    ['up#well', { isUp: true }],
    ['drain ready', { state: 'ready' }],
    ['', {}],
  ]
  for (const [line, words] of cases) {
    it(`reads ${JSON.stringify(line)}`, () => {
      expect(readAgentLine(line)).to.deep.equal({ unknown: [], ...words })
    })
  }

  it('tells the words that it does not know, and takes the others', () => {
    const line = 'weight:7 -5% 1.5% 75 maxconn: maxconn:x constructor 60%'
    expect(readAgentLine(line)).to.deep.equal({
      weight: 60,
      unknown: ['weight:7', '-5%', '1.5%', '75', 'maxconn:', 'maxconn:x', 'constructor'],
    })
  })

  it('reads anything', () => {
    const text = fc.string({ maxLength: 1024, unit: 'binary' })
    const words = fc.array(fc.oneof(text, fc.constantFrom('down', 'up', '7%', 'maxconn:3', '#')), { maxLength: 8 })
    fc.assert(
      fc.property(words, all => {
        const { weight = 0, maxSessions = 0, reason = '' } = readAgentLine(all.join(' '))
        expect(weight).to.be.within(0, 100)
        expect(maxSessions).to.be.within(0, 10_000_000)
        expect(reason.length).to.be.at.most(200)
      }),
    )
  })
})
