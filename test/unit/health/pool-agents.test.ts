import { expect } from 'chai'
import type { BackendState } from '../../../src/config/options.ts'
import { resolveBackend } from '../../../src/config/resolve.ts'
import type { ResolvedBackend } from '../../../src/config/resolved.ts'
import { readAgentLine } from '../../../src/health/agent-words.ts'
import { PoolAgents } from '../../../src/pool/agents.ts'

const backend = (state: BackendState = 'ready', maxSessions = 0): ResolvedBackend =>
  resolveBackend({ name: 'a', address: '10.0.0.1:1', state, maxSessions })

function saying(...lines: string[]): PoolAgents {
  const agents = new PoolAgents()
  agents.begin('a')
  for (const line of lines) agents.take('a', readAgentLine(line))
  return agents
}

describe('health: what agents said', () => {
  it('gives a backend what both operator and agent want', () => {
    const wanted = (state: BackendState, ...lines: string[]) => saying(...lines).wanted(backend(state))
    expect(wanted('ready')).to.equal('ready')
    expect(wanted('ready', 'drain')).to.equal('drain')
    expect(wanted('ready', '0%')).to.equal('drain')
    expect(wanted('ready', 'maint')).to.equal('maint')
    expect(wanted('ready', 'down')).to.equal('maint')
    expect(wanted('drain', 'maint')).to.equal('maint')
    for (const state of ['drain', 'drain-hard', 'maint'] as const) {
      expect(wanted(state, 'ready up 100%')).to.equal(state)
      expect(wanted(state, 'drain', 'ready')).to.equal(state)
    }
    expect(wanted('drain-hard', 'drain')).to.equal('drain-hard')
  })

  it('keeps what an answer does not speak of', () => {
    const agents = saying('down#full', '50%', 'drain maxconn:7')
    expect(agents.of('a')).to.deep.equal({
      isReached: true,
      weight: 50,
      state: 'drain',
      isUp: false,
      reason: 'full',
      maxSessions: 7,
      failures: 0,
    })
    agents.fail('a')
    expect(agents.of('a')).to.include({ isReached: false, failures: 1, state: 'drain', isUp: false, weight: 50 })
    agents.take('a', readAgentLine('up'))
    expect(agents.of('a')).to.not.have.property('reason')
  })

  it('tells whether an answer is news', () => {
    const agents = saying()
    const news = ['up ready 100%', '75%', '75%', 'down', 'down#x', 'down#x', 'down', 'maxconn:3', 'maxconn:3 up'].map(
      line => agents.take('a', readAgentLine(line)),
    )
    expect(news).to.deep.equal([false, true, false, true, true, false, true, true, true])
    expect(agents.take('b', readAgentLine('down'))).to.equal(false)
  })

  it('has the lower of two limits', () => {
    const limit = (configured: number, line: string) => saying(line).limitOf(backend('ready', configured))
    expect([limit(0, 'up'), limit(0, 'maxconn:5'), limit(3, 'maxconn:5'), limit(9, 'maxconn:5')]).to.deep.equal([
      0, 5, 3, 5,
    ])
    expect([limit(9, 'up'), limit(9, 'maxconn:0')]).to.deep.equal([9, 9])
  })

  it('forgets what was said with the agent', () => {
    const agents = saying('down 30%')
    expect(agents.shareOf('a')).to.equal(0.3)
    expect([agents.forget('a'), agents.forget('a')]).to.deep.equal([true, false])
    expect([agents.wanted(backend()), agents.shareOf('a'), agents.of('a')]).to.deep.equal(['ready', 1, undefined])
  })
})
