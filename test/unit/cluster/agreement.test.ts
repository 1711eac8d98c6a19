import { expect } from 'chai'
import { agreementDigest, agreementOf, differences } from '../../../src/cluster/members/agreement.ts'
import type { PoolOptions } from '../../../src/config/options.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { PoolCore } from '../../../src/pool/core.ts'

const backends = ['a', 'b'].map(name => ({ name, address: '127.0.0.1:1' }))
const usual: PoolOptions = { secret: 'a secret of tests', backends }

function agreement(pools: Record<string, Partial<PoolOptions>>): ReturnType<typeof agreementOf> {
  const all = Object.fromEntries(Object.entries(pools).map(([name, pool]) => [name, { ...usual, ...pool }]))
  const cores = [...resolveOptions({ pools: all as Record<string, PoolOptions> }).pools.values()].map(
    settings => new PoolCore(settings),
  )
  try {
    return agreementOf(cores)
  } finally {
    for (const core of cores) core.close()
  }
}

/** What is different where one pool is another one; as whoever has the usual one says it. */
const differing = (pool: Partial<PoolOptions>): string[] => differences(agreement({ p: {} }), agreement({ p: pool }))

describe('agreement of balancers', () => {
  it('has one digest, whatever the order of pools and backends', () => {
    const one = agreement({ p: {}, q: { backends: [...backends].reverse() } })
    const other = agreement({ q: {}, p: {} })
    expect(agreementDigest(one))
      .to.equal(agreementDigest(other))
      .and.match(/^[0-9a-f]{16}$/)
    expect(differences(one, other)).to.deep.equal([])
  })

  it('says what is different, a sentence each', () => {
    expect(differing({})).to.deep.equal([])
    expect(differing({ secret: 'another secret' })).to.deep.equal(['pool p: another secret'])
    expect(differing({ backends: backends.slice(1) })).to.deep.equal(['pool p: backend a is not there'])
    const third = { name: 'c', address: '127.0.0.1:1' }
    expect(differing({ backends: [...backends, third] })).to.deep.equal(['pool p: backend c is only there'])
    const heavier = backends.map(backend => ({ ...backend, weight: backend.name === 'b' ? 3 : 1 }))
    expect(differing({ backends: heavier })).to.deep.equal(['pool p: weight of b is 3 there, 1 here'])
    const spare = backends.map(backend => ({ ...backend, backup: backend.name === 'b' }))
    expect(differing({ backends: spare })).to.deep.equal(['pool p: weight of b is 1, a backup there, 1 here'])
    expect(differing({ affinity: { ipv4Prefix: 24 } })).to.deep.equal([
      'pool p: prefixes are 24 and 64 there, 32 and 64 here',
    ])
  })

  it('names pools that only one has, and tells eight differences of a pool at most', () => {
    const [here, there] = [agreement({ p: {}, q: {} }), agreement({ p: {}, r: {} })]
    expect(differences(here, there)).to.deep.equal(['pool q: not there', 'pool r: only there'])
    const more = Array.from({ length: 30 }, (_, at) => ({ name: `x${at}`, address: '127.0.0.1:1' }))
    expect(differing({ backends: more })).to.have.length(8)
  })

  it('of names that objects have besides is no trouble', () => {
    const here = agreement({ p: {} })
    expect(differences(here, JSON.parse('{"constructor":{"digest":"x"}}'))).to.deep.equal([
      'pool p: not there',
      'pool constructor: only there',
    ])
  })

  it('leaves backends out where there are too many, and says so', () => {
    const many = Array.from({ length: 2001 }, (_, at) => ({ name: `x${at}`, address: '127.0.0.1:1' }))
    const large = agreement({ p: { backends: many } })
    expect(large.p?.backends).to.equal(undefined)
    expect(differences(agreement({ p: {} }), large)).to.deep.equal(['pool p: other backends, or another secret'])
  })
})
