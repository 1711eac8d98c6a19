import { expect } from 'chai'
import { changedSettings } from '../../../src/config/changes.ts'
import { clusterFindings } from '../../../src/config/cluster-findings.ts'
import { describeConfig } from '../../../src/config/describe.ts'
import type { BalancerOptions, PoolOptions } from '../../../src/config/options.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import type { ResolvedConfig, ResolvedPool } from '../../../src/config/resolved.ts'
import { viewOf } from '../../../src/config/view.ts'
import { HERMETIC, linesOf, poolText } from './helpers.ts'

const CLUSTER = { cluster: { url: 'redis://192.0.2.1' } }

function configOf(boundedLoad: PoolOptions['boundedLoad'], more: Partial<BalancerOptions> = {}): ResolvedConfig {
  return resolveOptions({ pools: { p: { secret: 'a secret of tests', boundedLoad } }, ...more }, HERMETIC)
}

function poolOf(config: ResolvedConfig): ResolvedPool {
  return config.pools.get('p') ?? expect.fail()
}

describe('boundedLoad', () => {
  it('is a factor, alone or with its scope, or off', () => {
    const local = { boundScope: 'local' }
    expect(poolOf(configOf(undefined))).to.include({ boundMilli: 1250, ...local })
    expect(poolOf(configOf({}))).to.include({ boundMilli: 1250, ...local })
    expect(poolOf(configOf({ factor: 1.1 }))).to.include({ boundMilli: 1100, ...local })
    expect(poolOf(configOf({ scope: 'local' }))).to.include({ boundMilli: 1250, ...local })
    expect(poolOf(configOf('off'))).to.include({ boundMilli: 0, ...local })
  })

  it('is told as briefly as it can be', () => {
    const told = (config: ResolvedConfig): unknown => describeConfig(config).pools.p?.boundedLoad
    expect(told(configOf({ factor: 1.5, scope: 'local' }))).to.equal(1.5)
    expect(told(configOf(false))).to.equal('off')
    const shared = { factor: 1.5, scope: 'cluster' } as const
    expect(told(configOf(shared, CLUSTER))).to.deep.equal(shared)
  })

  it('changes while it runs, its scope too', () => {
    const changes = changedSettings(configOf(1.25, CLUSTER), configOf({ scope: 'cluster' }, CLUSTER))
    expect(changes).to.have.length.above(0)
    for (const { path, needsRestart } of changes) {
      expect(path).to.match(/^pools\.p\.boundedLoad/)
      expect(needsRestart).to.equal(false)
    }
  })

  it('is refused in the words of what was written', () => {
    const at = 'limpet.yaml:3:'
    expect(linesOf(poolText('boundedLoad: { factor: 0.9 }'))).to.deep.equal([
      `${at}28: pools.p.boundedLoad.factor: 0.9 is too small: below 1 there would be no seat for everybody. Accepted: a number from 1 to 1000 with at most 3 decimals`,
    ])
    expect(linesOf(poolText('boundedLoad: { scope: clutser }'))).to.deep.equal([
      `${at}27: pools.p.boundedLoad.scope: "clutser" is not accepted; did you mean "cluster"? Accepted: local, cluster`,
    ])
    expect(linesOf(poolText('boundedLoad: { factor: off }'))[0]).to.contain('boundedLoad.factor: expected a number')
    expect(linesOf(poolText('boundedLoad: { faktor: 2 }'))[0]).to.contain('did you mean "factor"?')
  })

  it('counts the sessions of others only where they are known', () => {
    expect(linesOf(poolText('boundedLoad: { scope: cluster }'))).to.deep.equal([
      'limpet.yaml:3:27: pools.p.boundedLoad.scope: the others are not known: there is no cluster. Accepted: local; or a cluster beside the pools',
    ])
    const pools = { p: { boundedLoad: { scope: 'cluster' } }, q: { boundedLoad: { scope: 'local' } }, r: {} }
    expect(clusterFindings(viewOf({ pools })).map(({ path }) => path)).to.deep.equal([
      ['pools', 'p', 'boundedLoad', 'scope'],
    ])
    expect(poolOf(configOf({ scope: 'cluster' }, CLUSTER))).to.include({ boundMilli: 1250, boundScope: 'cluster' })
  })
})
