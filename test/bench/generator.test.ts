import { expect } from 'chai'
import { GeneratorWatch } from '../../src/bench/relay/generator.ts'
import { sharesOf } from '../../src/bench/relay/measures.ts'

const RESULT = {
  units: 1,
  bytes: 0,
  ns: 1000,
  watchedCpuNs: 300,
  loadCpuNs: 400,
  backendCpuNs: 900,
  machineCpuNs: 3000,
  latencyNs: { count: 1, p50: 1, p99: 1, p999: 1, most: 1 },
  faults: { total: 0, refused: 0, reset: 0, closed: 0, corrupt: 0, stalled: 0, other: 0, error: null },
}

describe('bench: what is told of the load generator and the machine', () => {
  it('is measured by the processors that there were for them', () => {
    expect(sharesOf(RESULT, 2, 4)).to.deep.equal({ generator: 0.45, machine: 0.75 })
  })

  it('is nothing while both had time left', () => {
    const watch = new GeneratorWatch()
    watch.saw('connection', 'nginx', { generator: 0.6, machine: 0.9 })
    expect(watch.notes([])).to.deep.equal([])
  })

  it('is a full machine once a trial, and a full generator with the most that was seen', () => {
    const watch = new GeneratorWatch()
    for (const generator of [0.8, 0.93, 0.7]) watch.saw('bulk down', 'nginx', { generator, machine: 0.99 })
    watch.saw('bulk down', 'HAProxy', { generator: 0.1, machine: 0.96 })
    const [full, busy, ...more] = watch.notes([])
    expect(full).to.match(/^bulk down: the machine was full at times with nginx, HAProxy;/)
    expect(busy).to.match(/^bulk down, nginx: the load generator was the bottleneck \(busy for 93 % /)
    expect(more).to.deep.equal([])
  })
})
