import { expect } from 'chai'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { HealthReporter } from '../../../src/health/reporter.ts'
import { createLog } from '../../../src/log/log.ts'
import { PoolCore } from '../../../src/pool/core.ts'
import type { DownCloser } from '../../../src/sessions/down-closer.ts'

const next = async (): Promise<void> => await new Promise(resolve => void setImmediate(resolve))

describe('what becomes of sessions', () => {
  it('they are closed at a backend that is down, and go on at one that is only ejected, whatever its agent says', async () => {
    const backends = ['a', 'b', 'c', 'd'].map((name, n) => ({ name, address: `127.0.0.1:${n + 1}` }))
    const pool = {
      stickTable: 'off',
      backends,
      ejection: {},
      health: { initial: 'up', onDown: { sessions: 'close' } },
    } as const
    const core = new PoolCore(
      resolveOptions({ pools: { p: pool } }).pools.get('p') ?? expect.fail('there is no pool p'),
    )
    core.reports.watchHealth()
    core.reports.setHealth('a', false, 'said the test')
    expect(core.reports.eject('b', 'said the test')).to.be.a('number')
    const b = core.backend('b') ?? expect.fail('there is no backend b')
    expect(core.health.of(b)?.status).to.equal('down')
    const told: string[] = []
    const closer = {
      leave: (_: string, name: string) => told.push(`leave ${name}`),
      down: (_: string, name: string) => told.push(`down ${name}`),
    }
    const log = createLog('silent')
    const reporter = new HealthReporter(
      log,
      closer as never as DownCloser,
      { health: () => undefined, agent: () => undefined },
      () => true,
    )
    reporter.failOpenChanged(core, false)
    expect(told).to.deep.equal(['down a'])
    core.agents.begin('b')
    core.agents.take('b', { weight: 50, unknown: [] })
    reporter.agentChanged({ core, backend: b, kind: 'said' })
    await next()
    expect(told.at(-1)).to.equal('leave b')
    core.close()
  })
})
