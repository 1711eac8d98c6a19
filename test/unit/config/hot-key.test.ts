import { expect } from 'chai'
import { describeConfig } from '../../../src/config/describe.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { Balancer, type LimpetConfigError, type PoolOptions } from '../../../src/index.ts'

type Affinity = NonNullable<PoolOptions['affinity']>

function described(hotKey: unknown): unknown {
  const config = resolveOptions({ pools: { p: { affinity: { hotKey } as Affinity } } })
  return describeConfig(config).pools.p?.affinity.hotKey
}

function refusal(hotKey: unknown, more: PoolOptions = {}): { path: string; message: string } | undefined {
  try {
    resolveOptions({ pools: { p: { ...more, affinity: { hotKey } as Affinity } } })
  } catch (error) {
    const [{ path, message } = { path: '', message: '' }] = (error as LimpetConfigError).problems
    return { path, message }
  }
  return undefined
}

describe('affinity.hotKey', () => {
  it('is off, or has its defaults', () => {
    expect(described(undefined)).to.equal('off')
    expect(described(false)).to.equal('off')
    expect(described({})).to.deep.equal({ share: 0.5, spread: 4, by: 'port' })
    const by = { bytes: { offset: 2, length: 4 } }
    expect(described({ share: 0.125, spread: 16, by })).to.deep.equal({ share: 0.125, spread: 16, by })
    expect(described({ by: 'address' })).to.include({ by: 'address' })
    expect(described({ by: 'tls.sessionId' })).to.include({ by: 'tls.sessionId' })
    expect(described({ by: 'http.cookie:id' })).to.include({ by: 'http.cookie:id' })
  })

  it('refuses what could spread nobody', () => {
    const path = 'pools.p.affinity.hotKey'
    for (const share of [0, 1.1, Number.NaN, 0.1234, '0.5']) expect(refusal({ share })?.path).to.equal(`${path}.share`)
    for (const spread of [1, 17, 2.5]) expect(refusal({ spread })?.path).to.equal(`${path}.spread`)
    expect(refusal({ by: 'source' })).to.deep.equal({
      path: `${path}.by`,
      message: '"source" is the same for all clients of a key',
    })
    expect(refusal({ by: 'mysql' })?.path).to.equal(`${path}.by`)
    expect(refusal({ by: 'tls.snl' })?.message).to.contain('did you mean')
    expect(refusal({}, { stickTable: 'off' })?.path).to.equal(path)
    expect(refusal({}, { stickTable: 'off', affinity: {} })).to.not.equal(undefined)
    expect(refusal('off', { stickTable: 'off' })).to.equal(undefined)
  })

  it('tells of a key that is not hot that it is not', async () => {
    const options = { pools: { p: { affinity: { hotKey: {} }, backends: [{ name: 'a', address: '127.0.0.1:1' }] } } }
    await using balancer = new Balancer(options)
    expect(balancer.pool().explain('192.0.2.1').spread).to.equal(undefined)
    expect(balancer.stats().pools.p).to.include({ hotKeys: 0, spreadPicks: 0 })
    for (let i = 0; i < 40; i++) balancer.pick('192.0.2.1')
    expect(balancer.pool().explain('192.0.2.1').spread).to.deep.equal(['a'])
    expect((await balancer.pool().liveKeys()).hottest[0]).to.include({ sessions: 40, spread: 4 })
    expect(balancer.stats().pools.p).to.include({ hotKeys: 1 })
  })
})
