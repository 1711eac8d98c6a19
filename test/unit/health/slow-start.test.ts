import { expect } from 'chai'
import { resolveBackend, resolveOptions } from '../../../src/config/resolve.ts'
import { SlowStart } from '../../../src/health/slow-start.ts'
import { FULL_RAMP } from '../../../src/native.ts'
import { PoolCore } from '../../../src/pool/core.ts'

describe('slow start', () => {
  it('grows evenly from next to nothing to everything', () => {
    const unit = new SlowStart(1000)
    unit.begin('a', 500)
    const ramps = [500, 750, 1000, 1499, 1500, 9000].map(now => unit.rampOf('a', now) / FULL_RAMP)
    expect(ramps[0]).to.equal(1 / FULL_RAMP)
    expect(ramps.slice(1, 3)).to.deep.equal([0.25, 0.5])
    expect(ramps[3]).to.be.within(0.998, 0.9999)
    expect(ramps.slice(4)).to.deep.equal([1, 1])
    expect(unit.rampOf('b', 500)).to.equal(FULL_RAMP)
  })

  it('names who warms up, and once more who has become warm', () => {
    const unit = new SlowStart(1000)
    unit.begin('a', 0)
    unit.begin('b', 600)
    expect([unit.names(900), unit.names(1000), unit.names(1001)]).to.deep.equal([['a', 'b'], ['a', 'b'], ['b']])
    expect(unit.rampOf('a', 1001)).to.equal(FULL_RAMP)
  })

  it('is over when the backend serves nobody, and begins anew', () => {
    const unit = new SlowStart(1000)
    unit.begin('a', 0)
    unit.end('a')
    expect([unit.names(500), unit.rampOf('a', 500)]).to.deep.equal([[], FULL_RAMP])
    unit.begin('a', 600)
    expect(unit.rampOf('a', 600)).to.equal(1)
  })
})

describe('slow start of a pool', () => {
  it('is for a backend that comes after its first coming was withdrawn, too', () => {
    const backends = [{ name: 'a', address: '127.0.0.1:1' }]
    const settings = resolveOptions({ pools: { p: { stickTable: 'off', slowStart: '1h', backends } } }).pools.get('p')
    const core = new PoolCore(settings ?? expect.fail('there is no pool p'))
    // All that are there at the start begin warm.
    void core.native
    core.reports.startSlowly(true)
    const change = { set: [resolveBackend({ name: 'b', address: '127.0.0.1:2' })], removed: [] }
    core.withdraw(core.prepareChange(change) ?? expect.fail('there is no room'))
    expect(core.reports.warmUp()).to.deep.equal([])
    expect(core.apply(change)).to.equal(true)
    expect([core.rampOf('a'), core.rampOf('b') < 0.5, core.reports.warmUp()]).to.deep.equal([1, true, ['b']])
    core.close()
  })
})
