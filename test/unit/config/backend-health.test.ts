import { expect } from 'chai'
import { checksOf } from '../../../src/config/backend-health.ts'
import { type DescribedBackend, describeConfig } from '../../../src/config/describe.ts'
import { parseConfig } from '../../../src/config/load.ts'
import type { BackendHealthOptions, HealthOptions } from '../../../src/config/options.ts'
import { resolveBackend, resolveOptions } from '../../../src/config/resolve.ts'
import type { ResolvedHealth } from '../../../src/config/resolved.ts'
import { LimpetConfigError } from '../../../src/errors.ts'
import { changedBackend, membershipChange } from '../../../src/pool/membership.ts'
import { overlayOf, withOverlay } from '../../../src/state/overlay.ts'
import { HERMETIC } from './helpers.ts'

const ADDRESS = '10.0.0.1:1'
type Own = BackendHealthOptions | 'pool' | 'off' | false

function merged(pool: HealthOptions | 'off', health?: Own): ResolvedHealth | undefined {
  const options = { pools: { p: { health: pool, backends: [{ name: 'a', address: ADDRESS, health }] } } }
  const settings = resolveOptions(options).pools.get('p')
  const [backend] = settings?.backends ?? []
  return backend && checksOf(settings?.health, backend)
}

function problemsOf(health: string, pool = 'off'): string[] {
  const text = `pools: { p: { health: ${pool}, backends: [{ name: a, address: "${ADDRESS}", health: ${health} }] } }`
  try {
    parseConfig(text, HERMETIC)
  } catch (error) {
    if (error instanceof LimpetConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`)
    throw error
  }
  return []
}

describe('the checks of one backend', () => {
  it('are those of its pool, with what it has of its own', () => {
    const pool: HealthOptions = { type: 'http', path: '/pool', status: 204, interval: '5s', fall: 7, port: 80 }
    expect(merged(pool, 'pool')).to.deep.equal(merged(pool))
    expect(merged(pool)).to.include({ type: 'http', interval: 5000, fall: 7 })
    expect(merged(pool, { port: 81, timeout: 250, onDown: { perSecond: 3 } })).to.deep.equal({
      ...merged(pool),
      port: 81,
      timeout: 250,
      onDown: { sessions: 'keep', perSecond: 3, deadline: 30_000 },
    })
    expect(merged(pool, { host: 'h' })?.http).to.deep.equal({
      path: '/pool',
      host: 'h',
      status: '204',
      body: undefined,
    })
    expect(merged(pool, { address: '[::1]:7' })?.address).to.deep.include({ host: '::1', port: 7 })
    for (const no of ['off', false] as const) expect(merged(pool, no)).to.equal(undefined)
  })

  it('are the defaults with what it has, where its pool has none', () => {
    expect(merged('off')).to.equal(undefined)
    expect(merged('off', { fall: 9 })).to.deep.equal({ ...merged({}), fall: 9 })
  })

  it('take of another type what theirs has, too', () => {
    const steps = [{ expect: 'x' }]
    expect(merged({ type: 'http', path: '/x' }, { type: 'https' })).to.deep.include({
      http: { path: '/x', host: undefined, status: '200-399', body: undefined },
      tls: { serverName: undefined, verify: true },
    })
    expect(merged({ type: 'https', tls: { serverName: 'n' } }, { type: 'redis' })?.tls).to.equal(undefined)
    expect(merged({ type: 'https', tls: { serverName: 'n' } }, { type: 'tls' })?.tls?.serverName).to.equal('n')
    expect(merged({ type: 'redis', tls: {} }, { tls: 'off' })?.tls).to.equal(undefined)
    expect(merged({ type: 'redis', tls: { serverName: 'n' } }, { tls: { verify: 'off' } })?.tls).to.deep.equal({
      serverName: 'n',
      verify: false,
    })
    expect(merged({ type: 'expect', steps }, { port: 1 })?.steps).to.deep.equal(steps)
    expect(merged({ type: 'expect', steps }, { type: 'tcp' })?.steps).to.deep.equal([])
  })

  it('are told where they are wrong', () => {
    const place = 'pools.p.backends[0].health'
    expect(problemsOf('{ path: /x }')).to.deep.equal([`${place}.path: a check of type tcp does not have this`])
    expect(problemsOf('{ path: /x }', '{ type: http }')).to.deep.equal([])
    expect(problemsOf('{ type: tcp, path: /x }', '{ type: http }')).to.have.length(1)
    expect(problemsOf('{ type: expect }')).to.deep.equal([`${place}.steps: is missing`])
    expect(problemsOf('{ type: expect }', '{ type: expect, steps: [{ send: x }] }')).to.deep.equal([])
    expect(problemsOf('{ address: "h:1", port: 2 }')).to.deep.equal([
      `${place}.port: the address has a port of its own`,
    ])
    const text = `pools: { p: { backends: [{ name: a, address: "${ADDRESS}", health: http }] } }`
    expect(() => parseConfig(text, HERMETIC)).to.throw('Accepted: { type, interval, timeout, … }, pool, off')
    expect(problemsOf('{ interval: 5 }')[0]).to.match(/health\.interval: 5 has no unit/)
    expect(problemsOf('{ prot: 5 }')[0]).to.match(/health\.prot: unknown key; did you mean "port"/)
    expect(problemsOf('on')).to.have.length(1)
    expect(problemsOf('{ type: http, path: x }')).to.deep.equal([`${place}.path: this is no path`])
    expect(() => resolveBackend({ name: 'a', address: ADDRESS, health: { rise: 0 } })).to.throw(LimpetConfigError)
  })

  it('are described as they were given, and read back', () => {
    const health: BackendHealthOptions = {
      type: 'expect',
      interval: '1500ms',
      address: 'unix:/run/x',
      steps: [{ send: 'x', timeout: '2s' }],
      tls: { verify: 'off' },
      onDown: { sessions: 'close', deadline: '1m' },
    }
    const backends = [
      { name: 'a', address: ADDRESS, health },
      { name: 'b', address: ADDRESS, health: 'off' as const },
      { name: 'c', address: ADDRESS, health: 'pool' as const },
    ]
    const config = resolveOptions({ pools: { p: { backends } } })
    const [a, b, c] = (describeConfig(config).pools.p?.backends ?? []) as DescribedBackend[]
    expect([a?.health, b?.health]).to.deep.equal([health, 'off'])
    expect(c).to.not.have.property('health')
    expect(resolveBackend(a as never)).to.deep.equal(config.pools.get('p')?.backends[0])
  })

  it('are part of what differs, and are kept', () => {
    const bare = resolveBackend({ name: 'a', address: ADDRESS })
    const own = resolveBackend({ name: 'a', address: ADDRESS, health: { port: 1 } })
    const same = resolveBackend({ name: 'a', address: ADDRESS, health: { port: 1 } })
    expect(membershipChange([own], [same]).set).to.deep.equal([])
    expect(membershipChange([bare], [own]).set).to.deep.equal([own])
    expect(changedBackend(own, { weight: 2 })).to.deep.include({ weight: 2, health: { port: 1 } })
    expect(changedBackend(own, { health: 'pool' })).to.deep.equal(bare)
    for (const [before, after] of [
      [bare, own],
      [own, bare],
      [own, resolveBackend({ name: 'a', address: ADDRESS, health: 'off' })],
    ] as const) {
      const overlay = overlayOf([before], [after]) ?? expect.fail('nothing differs')
      const [kept] = withOverlay([before], JSON.parse(JSON.stringify(overlay))).backends
      expect(membershipChange([after], kept === undefined ? [] : [kept])).to.deep.equal({ set: [], removed: [] })
    }
    expect(overlayOf([own], [same])).to.equal(undefined)
  })
})
