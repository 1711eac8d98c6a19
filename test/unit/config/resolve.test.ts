import { expect } from 'chai'
import { describeConfig } from '../../../src/config/describe.ts'
import { parseConfig } from '../../../src/config/load.ts'
import type { ListenerOptions, PoolOptions } from '../../../src/config/options.ts'
import { resolveBackend, resolveBackendChanges, resolveOptions } from '../../../src/config/resolve.ts'
import type { ResolvedConfig, ResolvedPool } from '../../../src/config/resolved.ts'
import { rounds } from '../../helpers/soak.ts'
import { caught, HERMETIC, poolText } from './helpers.ts'

const ISSUE = `
listeners:
  - name: redis
    bind: 127.0.0.1:7200
    pool: redis
    acceptor: auto
    relay: auto
    maxSessions: 0
pools:
  redis:
    placement: rendezvous
    boundedLoad: 1.25
    secret: { env: LIMPET_SECRET }
    affinity: { key: source, ipv4Prefix: 32, ipv6Prefix: 64 }
    stickTable: { size: 1000000, ttl: 30m }
    timeouts: { connect: 5s, idle: 1h, fin: 30s, keepalive: { idle: 60s, interval: 10s, count: 3, userTimeout: 0s } }
    retries: 3
    health: off
    failOpen: 50
    ejection: off
    maxSessions: 0
    returnHome: never
    rebalance: { perMinute: 0, minAge: 5m }
    agent: { port: 0, interval: 2s }
    slowStart: 0s
    backends:
      - { name: a, address: 127.0.0.1:6379, weight: 1, maxSessions: 0, backup: false, state: ready }
shutdownTimeout: 30s
log: { level: info, sessions: off }
`
const SHORT = `
listeners: [{ name: redis, bind: 127.0.0.1:7200, pool: redis }]
pools:
  redis:
    secret: { env: LIMPET_SECRET }
    backends: [{ name: a, address: 127.0.0.1:6379 }]
`
const ENV = { LIMPET_SECRET: 'a secret of the tests' }

function parse(text: string): ResolvedConfig {
  return parseConfig(text, { ...HERMETIC, env: ENV })
}

/** The only pool of some options. */
function pool(options: PoolOptions): ResolvedPool {
  const resolved = resolveOptions({ pools: { p: options } }, HERMETIC).pools.get('p')
  if (resolved === undefined) throw new Error('the pool is gone')
  return resolved
}

describe('a configuration', () => {
  it('resolves to numbers', () => {
    const config = parse(ISSUE)
    expect(config.listeners).to.deep.equal([
      {
        name: 'redis',
        bind: { kind: 'ip', host: '127.0.0.1', port: 7200, family: 4, needsLookup: false },
        pool: 'redis',
        route: [],
        pools: ['redis'],
        acceptor: 'auto',
        relay: 'auto',
        maxSessions: 0,
        backlog: 4096,
        deferAccept: 0,
        fastOpen: 0,
        peek: { bytes: 16_384, timeout: 3000 },
        proxyProtocol: { accept: 'off', trust: [], timeout: 3000 },
        tls: undefined,
        allow: [],
        deny: [],
      },
    ])
    const { secret, ...settings } = config.pools.get('redis') ?? expect.fail('the pool is gone')
    expect(settings).to.deep.equal({
      name: 'redis',
      placement: 'rendezvous',
      discovery: undefined,
      boundMilli: 1250,
      boundScope: 'local',
      affinity: {
        key: ['source'],
        fallback: 'source',
        cookie: undefined,
        postgres: { tls: 'miss' },
        ipv4Prefix: 32,
        ipv6Prefix: 64,
        hotKey: undefined,
      },
      stickTable: { size: 1_000_000, ttl: 1_800_000, file: undefined },
      timeouts: {
        connect: 5000,
        idle: 3_600_000,
        fin: 30_000,
        keepalive: { idle: 60_000, interval: 10_000, count: 3, userTimeout: 0 },
      },
      retries: 3,
      backends: [
        {
          name: 'a',
          address: { kind: 'ip', host: '127.0.0.1', port: 6379, family: 4, needsLookup: false },
          weight: 1,
          maxSessions: 0,
          backup: false,
          state: 'ready',
        },
      ],
      health: undefined,
      failOpen: 50,
      ejection: undefined,
      maxSessions: 0,
      returnHome: 'never',
      rebalance: { perMinute: 0, minAge: 300_000 },
      limits: {
        sessionsPerKey: 0,
        newPerSecondPerKey: 0,
        burst: 0,
        admitPerSecond: 0,
        queue: { size: 0, timeout: 5000 },
      },
      agent: { port: 0, interval: 2000 },
      slowStart: 0,
      sendProxy: undefined,
      source: { bind: [], transparent: 'off' },
      backendTls: undefined,
    })
    expect(secret.bytes().toString()).to.equal(ENV.LIMPET_SECRET)
    expect(config).to.deep.include({
      file: 'limpet.yaml',
      shutdownTimeout: 30_000,
      log: { level: 'info', sessions: 0 },
      warnings: [],
    })
  })

  it('has the defaults of the documentation', () => {
    expect(describeConfig(parse(SHORT))).to.deep.equal(describeConfig(parse(ISSUE)))
  })

  it('is the same document in a program', () => {
    const options = {
      listeners: [{ name: 'redis', bind: '127.0.0.1:7200', pool: 'redis' }],
      pools: {
        redis: {
          secret: { env: 'LIMPET_SECRET' },
          timeouts: { connect: 5000 },
          backends: [{ name: 'a', address: '127.0.0.1:6379' }],
        },
      },
      shutdownTimeout: 30_000,
    }
    const config = resolveOptions(options, { ...HERMETIC, env: ENV })
    expect(describeConfig(config)).to.deep.equal(describeConfig(parse(ISSUE)))
    expect(config.file).to.equal(undefined)
  })

  it('may be anchored and aliased', () => {
    const config = parse(
      'pools:\n  a: &a { secret: 12345678x, retries: 1, backends: [{ name: x, address: "h:1" }] }\n  b: *a\n',
    )
    expect(config.pools.get('b')?.retries).to.equal(1)
    expect(config.pools.get('b')?.backends).to.deep.equal(config.pools.get('a')?.backends)
  })

  it('keeps names that objects have already', () => {
    const names = ['constructor', 'toString', 'hasOwnProperty', '007', '1e3', 'true']
    const config = parse(`pools:\n${names.map(name => `  ${name}: { retries: 1 }\n`).join('')}`)
    expect([...config.pools.keys()]).to.have.members(names)
    expect(Object.keys(describeConfig(config).pools)).to.have.members(names)
    for (const resolved of config.pools.values()) expect(resolved.retries).to.equal(1)
  })

  it('does not share or change what it was given', () => {
    const options = { pools: { p: { backends: [{ name: 'a', address: 'h:1' }] } } }
    const before = structuredClone(options)
    const config = resolveOptions(options, HERMETIC)
    expect(options).to.deep.equal(before)
    options.pools.p.backends.push({ name: 'b', address: 'h:2' })
    expect(config.pools.get('p')?.backends).to.have.length(1)
  })
})

describe('settings', () => {
  it('can be switched off', () => {
    for (const off of ['off', false] as const) {
      expect(pool({ boundedLoad: off }).boundMilli).to.equal(0)
      expect(pool({ stickTable: off }).stickTable).to.equal(undefined)
    }
    expect(parse(poolText('boundedLoad: off', 'stickTable: off')).pools.get('p')).to.include({
      boundMilli: 0,
      stickTable: undefined,
    })
    expect(parse(poolText('boundedLoad: false', 'stickTable: false')).pools.get('p')).to.include({
      boundMilli: 0,
      stickTable: undefined,
    })
  })

  it('of the session log are off, on, false, true and a share', () => {
    const cases = [
      ['off', 0],
      ['on', 1],
      ['false', 0],
      ['true', 1],
      ['0.01', 0.01],
    ] as const
    for (const [text, value] of cases) {
      expect(parse(`pools: { p: {} }\nlog: { sessions: ${text} }`).log.sessions, text).to.equal(value)
    }
  })

  it('of boundedLoad become thousandths without a rounding error', () => {
    for (let thousandths = 1000; thousandths <= 1_000_000; thousandths += rounds(337, 37)) {
      expect(pool({ boundedLoad: thousandths / 1000 }).boundMilli).to.equal(thousandths)
    }
    expect(pool({ boundedLoad: 1.1 }).boundMilli).to.equal(1100)
  })

  it('left undefined are defaults', () => {
    expect(
      pool({ retries: undefined, secret: undefined, stickTable: { size: 5, ttl: undefined }, timeouts: undefined }),
    ).to.deep.include({
      retries: 3,
      stickTable: { size: 5, ttl: 1_800_000, file: undefined },
    })
  })

  it('of a descriptor come from programs only', () => {
    const listeners: ListenerOptions[] = [{ name: 'l', bind: { fd: 3 }, pool: 'p' }]
    const config = resolveOptions({ listeners, pools: { p: {} } }, HERMETIC)
    expect(config.listeners[0]?.bind).to.deep.equal({ kind: 'fd', fd: 3 })
    expect(describeConfig(config).listeners[0]?.bind).to.deep.equal({ fd: 3 })
  })

  it('keep their least and their most', () => {
    const most: PoolOptions = {
      boundedLoad: 1000,
      affinity: { ipv4Prefix: 1, ipv6Prefix: 128 },
      stickTable: { size: 100_000_000, ttl: '365d' },
      timeouts: {
        connect: '1h',
        idle: '24d',
        fin: 1,
        keepalive: { idle: '32767s', interval: '32767s', count: 127, userTimeout: '24d' },
      },
      retries: 16,
      backends: [{ name: 'a', address: 'unix:/run/a', weight: 65_535, maxSessions: 10_000_000 }],
    }
    expect(pool(most).timeouts.keepalive).to.deep.equal({
      idle: 32_767_000,
      interval: 32_767_000,
      count: 127,
      userTimeout: 2_073_600_000,
    })
    expect(pool({ retries: 0, boundedLoad: 1, timeouts: { keepalive: { idle: 0 } } })).to.deep.include({
      retries: 0,
      boundMilli: 1000,
    })
  })
})

describe('describeConfig()', () => {
  it('is a document that resolves to the same, but for the secret', () => {
    const described = describeConfig(parse(ISSUE))
    const { secret, ...rest } = described.pools.redis ?? expect.fail('the pool is gone')
    expect(secret).to.equal('(from env LIMPET_SECRET)')
    const again = parseConfig(
      JSON.stringify({ ...described, pools: { redis: { ...rest, secret: { env: 'LIMPET_SECRET' } } } }),
      { ...HERMETIC, env: ENV },
    )
    expect(describeConfig(again)).to.deep.equal(described)
    expect({ ...again, pools: [...again.pools] }).to.deep.equal({ ...parse(ISSUE), pools: [...parse(ISSUE).pools] })
  })

  it('is plain data', () => {
    const described = describeConfig(parse(ISSUE))
    expect(JSON.parse(JSON.stringify(described))).to.deep.equal(described)
  })
})

describe('resolveBackend()', () => {
  it('checks one backend and fills in its defaults', () => {
    expect(resolveBackend({ name: 'a', address: 'h:1' })).to.deep.equal({
      name: 'a',
      address: { kind: 'name', host: 'h', port: 1, needsLookup: true },
      weight: 1,
      maxSessions: 0,
      backup: false,
      state: 'ready',
    })
    const { problems } = caught(() => resolveBackend({ name: 'a b', address: 'h', weight: -1, wieght: 1 } as never))
    expect(problems.map(({ path }) => path)).to.have.members(['name', 'address', 'weight', 'wieght'])
  })

  it('checks changes and adds none', () => {
    expect(resolveBackendChanges({})).to.deep.equal({})
    expect(resolveBackendChanges({ weight: 5, address: undefined })).to.include({ weight: 5 })
    const { problems } = caught(() => resolveBackendChanges({ name: 'b', weight: 1.5 } as never))
    expect(problems.map(({ path }) => path)).to.have.members(['name', 'weight'])
    expect(caught(() => resolveBackendChanges(null as never)).problems).to.have.length(1)
  })
})
