import { expect } from 'chai'
import {
  type BackendAddress,
  type BindAddress,
  readBackendAddress,
  readBindAddress,
} from '../../../src/config/address.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { reaches } from '../../../src/config/loops.ts'
import { HERMETIC, linesOf, poolText, problemsOf } from './helpers.ts'

const LOCAL = new Set(['127.0.0.1', '::1', '10.0.0.7', '2001:db8::7'])

/** Listeners `l0`, `l1` … of one pool `p`. */
function listenersText(...binds: string[]): string {
  return `listeners:\n${binds.map((bind, index) => `  - { name: l${index}, bind: "${bind}", pool: p }\n`).join('')}pools: { p: {} }\n`
}

describe('references between the parts of a document', () => {
  it('name pools that exist', () => {
    const text =
      'listeners:\n  - { name: a, bind: ":1", pool: redsi }\n  - { name: b, bind: ":2", pool: zzz }\npools: { redis: {}, postgres: {} }\n'
    expect(linesOf(text)).to.deep.equal([
      'limpet.yaml:2:34: listeners[0].pool: there is no pool "redsi"; did you mean "redis"? Accepted: redis, postgres',
      'limpet.yaml:3:34: listeners[1].pool: there is no pool "zzz". Accepted: redis, postgres',
    ])
    expect(problemsOf(text).map(({ code }) => code)).to.deep.equal([
      'LIMPET_ERR_UNKNOWN_POOL',
      'LIMPET_ERR_UNKNOWN_POOL',
    ])
  })

  it('take the names of objects for what they are', () => {
    expect(
      problemsOf('listeners: [{ name: a, bind: ":1", pool: constructor }]\npools: { p: {} }\n').map(({ path }) => path),
    ).to.deep.equal(['listeners[0].pool'])
  })

  it('give listeners, and the backends of a pool, different names', () => {
    const text = 'listeners: [{ name: a, bind: ":1", pool: p }, { name: a, bind: ":2", pool: p }]\npools: { p: {} }\n'
    expect(linesOf(text)).to.deep.equal([
      'limpet.yaml:1:55: listeners[1].name: there is already a listener "a", entry [0]. Accepted: a name that no other listener has',
    ])
    const backends = [
      'backends:',
      '  - { name: a, address: "127.0.0.1:1" }',
      '  - { name: b, address: "127.0.0.1:2" }',
      '  - { name: a, address: "127.0.0.1:3" }',
    ]
    expect(linesOf(poolText(...backends))).to.deep.equal([
      'limpet.yaml:6:17: pools.p.backends[2].name: there is already a backend "a", entry [0]. Accepted: a name that no other backend has',
    ])
  })
})

describe('listeners behind proxies', () => {
  const refused = (bind: string, proxyProtocol: string): string[] =>
    linesOf(`listeners: [{ name: l, bind: "${bind}", pool: p, proxyProtocol: ${proxyProtocol} }]
pools: { p: {} }
`)

  it('name the proxies that they trust', () => {
    for (const settings of ['{ accept: on }', '{ accept: on, trust: [] }', '{ accept: true, timeout: 1s }']) {
      const [line, ...others] = refused(':1', settings)
      expect(others).to.deep.equal([])
      expect(line).to.match(
        /listeners\[0\]\.proxyProtocol\.trust: is missing: somebody must be trusted to say who the clients are\. Accepted: the networks of the proxies, like \[10\.0\.0\.0\/8\]$/,
      )
    }
    expect(refused(':1', '{ accept: on, trust: [proxy.example] }')).to.have.lengthOf(1)
  })

  it('are no unix sockets', () => {
    expect(refused('unix:/run/l', '{ accept: on, trust: [10.0.0.0/8] }')).to.deep.equal([
      'limpet.yaml:1:79: listeners[0].proxyProtocol.accept: who connects to a unix socket has no address that could be trusted. Accepted: off; or an address as bind',
    ])
  })
})

describe('places of keys in first bytes', () => {
  const bytes = (offset: number, length: number): string => `{ bytes: { offset: ${offset}, length: ${length} } }`
  const prefixed = (offset: number, size: number): string => `{ lengthPrefixed: { offset: ${offset}, size: ${size} } }`
  const textOf = (peek: string, key: string, hotKey = 'off'): string =>
    `listeners: [{ name: l, bind: ":1", pool: p, peek: ${peek} }]
pools: { p: { affinity: { key: ${key}, hotKey: ${hotKey} } }, q: { affinity: { key: ${bytes(65_000, 8)} } } }
`

  it('may be as far as the listener looks', () => {
    for (const text of [
      textOf('{}', bytes(16_376, 8)),
      textOf('{ bytes: 64KiB }', bytes(16_377, 8)),
      textOf('{ bytes: 16 }', prefixed(11, 4)),
      textOf('{ bytes: 16 }', 'tls.sni', '{ by: tls.sessionId }'),
    ]) {
      expect(parseConfig(text, HERMETIC).listeners).to.have.lengthOf(1)
    }
  })

  it('are no further', () => {
    expect(linesOf(textOf('{}', bytes(16_377, 8)))).to.deep.equal([
      'limpet.yaml:2:32: pools.p.affinity.key: the listener "l" looks at the first 16384 bytes, and this key needs 16385. Accepted: a place within them; or peek: { bytes: 16385 } there',
    ])
    expect(linesOf(textOf('{ bytes: 16 }', `[${prefixed(12, 4)}, source]`))).to.deep.equal([
      'limpet.yaml:2:33: pools.p.affinity.key[0]: the listener "l" looks at the first 16 bytes, and this key needs 17. Accepted: a place within them; or peek: { bytes: 17 } there',
    ])
    const [hot] = problemsOf(textOf('{ bytes: 16 }', 'tls.sni', `{ by: ${bytes(16, 1)} }`))
    expect(hot?.path).to.equal('pools.p.affinity.hotKey.by')
    // Of a limit that is none only that is told.
    expect(linesOf(textOf('{ bytes: much }', bytes(16_377, 8)))).to.have.lengthOf(1)
  })
})

describe('binds', () => {
  it('of two listeners do not meet', () => {
    for (const [left, right] of [
      [':80', ':80'],
      ['127.0.0.1:80', '127.0.0.1:80'],
      ['127.0.0.1:80', '[::ffff:127.0.0.1]:80'],
      ['[::1]:80', '[0:0::1]:80'],
      [':80', '127.0.0.1:80'],
      ['[::1]:80', ':80'],
      ['0.0.0.0:80', '10.0.0.1:80'],
      ['10.0.0.1:80', '0.0.0.0:80'],
      ['[2001:db8::1]:80', '[::]:80'],
      [':80', '[::]:80'],
      ['localhost:80', 'LOCALHOST:80'],
      ['unix:/run/a', 'unix:/run/a'],
    ]) {
      const problems = problemsOf(listenersText(left ?? '', right ?? ''))
      expect(
        problems.map(({ path, message }) => [path, /already listens on/.test(message)]),
        `${left} ${right}`,
      ).to.deep.equal([['listeners[1].bind', true]])
    }
  })

  it('that do not meet are accepted', () => {
    const binds = [
      '127.0.0.1:80',
      '127.0.0.2:80',
      '[::1]:80',
      '127.0.0.1:81',
      ':0',
      ':0',
      '127.0.0.1:0',
      '127.0.0.1:0',
      '0.0.0.0:90',
      '[::]:90',
      'unix:/run/a',
      'unix:/run/b',
    ]
    const problems = problemsOf(`${listenersText(...binds)}unknown: 1\n`)
    expect(problems.map(({ path }) => path)).to.deep.equal(['unknown'])
  })
})

describe('a backend that leads back to its own pool', () => {
  const text = (bind: string, address: string): string =>
    `listeners: [{ name: l, bind: "${bind}", pool: p }]\npools: { p: { backends: [{ name: a, address: "${address}" }] } }\nunknown: 1\n`

  it('is refused wherever it can be seen', () => {
    for (const [bind, address] of [
      ['127.0.0.1:80', '127.0.0.1:80'],
      ['127.0.0.1:80', '[::ffff:127.0.0.1]:80'],
      ['127.0.0.1:80', 'localhost:80'],
      ['localhost:80', '127.0.0.1:80'],
      ['localhost:80', 'localhost:80'],
      ['0.0.0.0:80', '127.1.2.3:80'],
      ['0.0.0.0:80', '10.0.0.7:80'],
      ['[::]:80', '[::1]:80'],
      ['[::]:80', '[2001:db8::7]:80'],
      [':80', '127.0.0.1:80'],
      [':80', '[::1]:80'],
      [':80', '10.0.0.7:80'],
      [':80', 'localhost:80'],
      ['unix:/run/a', 'unix:/run/a'],
    ]) {
      const [problem] = problemsOf(text(bind ?? '', address ?? ''), { localAddresses: LOCAL })
      expect(problem, `${bind} ${address}`).to.include({
        path: 'pools.p.backends[0].address',
        code: 'LIMPET_ERR_SELF_BACKEND',
        line: 2,
      })
      expect(problem?.message).to.match(
        /^this is the listener "l" \(.+\) of the same pool: sessions would go round in a circle$/,
      )
    }
  })

  it('is not suspected in another address', () => {
    for (const [bind, address] of [
      ['127.0.0.1:80', '127.0.0.1:81'],
      ['127.0.0.1:80', '127.0.0.2:80'],
      ['127.0.0.1:80', '10.0.0.7:80'],
      ['0.0.0.0:80', '[::1]:80'],
      ['[::]:80', '127.0.0.1:80'],
      [':80', '10.0.0.8:80'],
      [':80', 'example.com:80'],
      ['10.0.0.7:80', 'localhost:80'],
      [':0', '127.0.0.1:80'],
      ['unix:/run/a', 'unix:/run/b'],
    ]) {
      const problems = problemsOf(text(bind ?? '', address ?? ''), { localAddresses: LOCAL })
      expect(
        problems.map(({ path }) => path),
        `${bind} ${address}`,
      ).to.deep.equal(['unknown'])
    }
  })

  it('is refused through the listeners of other pools too', () => {
    const chain = [
      'listeners:',
      '  - { name: a, bind: "127.0.0.1:1", pool: a }',
      '  - { name: b, bind: "127.0.0.1:2", pool: b }',
      '  - { name: c, bind: "127.0.0.1:3", pool: c }',
      'pools:',
      '  a: { backends: [{ name: x, address: "127.0.0.1:2" }] }',
      '  b: { backends: [{ name: x, address: "127.0.0.1:3" }] }',
    ]
    const open = [...chain, '  c: { backends: [{ name: x, address: "127.0.0.1:4" }] }', 'unknown: 1', '']
    expect(problemsOf(open.join('\n')).map(({ path }) => path)).to.deep.equal(['unknown'])
    const closed = [...chain, '  c: { backends: [{ name: x, address: "127.0.0.1:1" }] }', '']
    expect(problemsOf(closed.join('\n')).map(({ path }) => path)).to.deep.equal(
      ['a', 'b', 'c'].map(pool => `pools.${pool}.backends[0].address`),
    )
    expect(problemsOf(closed.join('\n'))[0]?.message).to.equal(
      'this is the listener "b" (127.0.0.1:2), whose pool leads back to this one: sessions would go round in a circle',
    )
  })

  it('can be asked for by itself', () => {
    const backend = (text: string): BackendAddress => valueIn(readBackendAddress(text))
    const bind = (text: string): BindAddress => valueIn(readBindAddress(text, false))
    expect(reaches(backend('127.0.0.1:80'), bind(':80'), new Set())).to.equal(true)
    expect(reaches(backend('10.0.0.7:80'), bind(':80'), new Set())).to.equal(false)
    expect(reaches(backend('127.0.0.1:80'), { kind: 'fd', fd: 3 }, LOCAL)).to.equal(false)
  })
})

function valueIn<T>(parsed: { value: T } | { refusal: unknown }): T {
  if ('value' in parsed) return parsed.value
  throw new Error('this is no address')
}

describe('a ring', () => {
  const ring = (weights: readonly number[], placement = 'ring'): string => {
    const backends = weights.map(
      (weight, index) => `  - { name: b${index}, address: "10.0.0.1:${index + 1}", weight: ${weight} }`,
    )
    return poolText(`placement: ${placement}`, 'unknown: 1', 'backends:', ...backends)
  }

  it('has at most two million points', () => {
    expect(problemsOf(ring([12_500])).map(({ path }) => path)).to.deep.equal(['pools.p.unknown'])
    expect(linesOf(ring([12_500, 1]))[1]).to.equal(
      'limpet.yaml:5:5: pools.p.backends: the ring would have 2,000,160 points, 160 for each unit of weight: divide the weights by 2 or more. Accepted: weights of 12,500 in all, or placement rendezvous',
    )
    expect(linesOf(ring([65_535, 65_535, 0]))[1]).to.include('divide the weights by 11 or more')
  })

  it('is the only placement with that limit', () => {
    expect(problemsOf(ring([65_535, 65_535], 'rendezvous'))).to.have.length(1)
  })
})

describe('numbers of things', () => {
  const backends = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => `  - { name: b${index}, address: "10.0.0.1:${index + 1}" }`)

  it('are bounded', () => {
    expect(problemsOf(poolText('unknown: 1', 'backends:', ...backends(10_000)))).to.have.length(1)
    expect(linesOf(poolText('backends:', ...backends(10_001)))).to.deep.equal([
      'limpet.yaml:3:5: pools.p.backends: the list is too long. Accepted: at most 10000 entries',
    ])
    const pools = Array.from({ length: 1001 }, (_, index) => `  p${index}: {}`)
    expect(linesOf(['pools:', ...pools, ''].join('\n'))).to.deep.equal([
      'limpet.yaml:1:1: pools: there are 1001 pools. Accepted: at most 1000',
    ])
    const listeners = Array.from({ length: 1001 }, (_, index) => `  - { name: l${index}, bind: ":0", pool: p }`)
    expect(linesOf(['listeners:', ...listeners, 'pools: { p: {} }', ''].join('\n'))).to.deep.equal([
      'limpet.yaml:1:1: listeners: the list is too long. Accepted: at most 1000 entries',
    ])
  })
})
