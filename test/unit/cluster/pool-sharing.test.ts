import { expect } from 'chai'
import { PoolSharing } from '../../../src/cluster/exceptions/pool-sharing.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { PoolCore } from '../../../src/pool/core.ts'

const TTL_MS = 20_000
/** Exceptions are renewed four times in a ttl, by a walk that takes half of that. */
const WALK_MS = TTL_MS / 8
const PINS = 5000

describe('what a pool tells other balancers', () => {
  it('has all exceptions that are in use renewed within half of the period for it', () => {
    const backends = ['a', 'b'].map(name => ({ name, address: '127.0.0.1:1' }))
    const options = { secret: 'a secret of tests', stickTable: { size: 7000, ttl: TTL_MS }, backends }
    const core = new PoolCore(resolveOptions({ pools: { p: options } }).pools.get('p') ?? expect.fail())
    const now = performance.now
    try {
      const sharing = PoolSharing.of(core) ?? expect.fail()
      for (let at = 0; at < PINS; at++) {
        const client = `10.0.${at >> 8}.${at & 255}`
        const away = core.placeOf(core.clientPlace(client)?.home === 'a' ? 'b' : 'a') ?? expect.fail()
        core.native.setPin(client, away.index, away.generation, TTL_MS)
      }
      // What was just made.
      while (sharing.take(PINS, WALK_MS).length > 0);
      // It is time for a walk, of which this turn is all.
      performance.now = () => now.call(performance) + TTL_MS
      const pins = core.pins(2 ** 20)
      expect(sharing.take(PINS, WALK_MS)).to.have.length(pins('a') + pins('b'))
    } finally {
      performance.now = now
      core.close()
    }
  })
})
