import { expect } from 'chai'
import { parseConfig } from '../../../src/config/load.ts'
import type { SourceOptions } from '../../../src/config/options.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { HERMETIC, linesOf, problemsOfOptions } from './helpers.ts'

const document = (pool: string, rest = ''): string => `listeners: [{ name: l, bind: ":7000", pool: p${rest} }]
pools:
  p: { secret: long enough, backends: [{ name: a, address: "h:1" }], ${pool} }
`
const parse = (pool: string, rest = '', end = '') => parseConfig(document(pool, rest) + end, HERMETIC)
const lines = (pool: string, rest = ''): string[] =>
  linesOf(document(pool, rest)).map(line => line.replace(/^limpet\.yaml:\d+:\d+: (pools\.p\.)?/, ''))

describe('sendProxy', () => {
  it('is off, a version, or a mapping; each TLV once', () => {
    const read = (text: string): unknown => parse(text).pools.get('p')?.sendProxy
    expect(read('sendProxy: off')).to.equal(undefined)
    expect(read('sendProxy: false')).to.equal(undefined)
    expect(read('sendProxy: v1')).to.deep.equal({ version: 1, tlvs: [] })
    expect(read('sendProxy: v2')).to.deep.equal({ version: 2, tlvs: [] })
    expect(read('sendProxy: { version: v1 }')).to.deep.equal({ version: 1, tlvs: [] })
    expect(read('sendProxy: { tlvs: [crc32c, uniqueId, crc32c] }')).to.deep.equal({
      version: 2,
      tlvs: ['crc32c', 'uniqueId'],
    })
  })

  it('is refused otherwise', () => {
    expect(lines('sendProxy: v3')).to.deep.equal([
      'sendProxy: "v3" is not accepted; did you mean "v1"? Accepted: { version, tlvs }, off, v1, v2',
    ])
    expect(lines('sendProxy: { tlvs: [unique-id] }')[0]).to.match(/^sendProxy\.tlvs\[0\]: .*did you mean "uniqueId"/)
    expect(lines('sendProxy: { version: v1, tlvs: [uniqueId] }')).to.deep.equal([
      'sendProxy.tlvs: a header of version 1 has none. Accepted: []; or version: v2',
    ])
  })
})

describe('source', () => {
  it('has addresses in canonical form', () => {
    const source: SourceOptions = { bind: ['127.0.0.2', '::ffff:127.0.0.3', '0:0::1'], transparent: true }
    const config = resolveOptions({ pools: { p: { source } } }, HERMETIC)
    expect(config.pools.get('p')?.source).to.deep.equal({
      bind: ['127.0.0.2', '127.0.0.3', '::1'],
      transparent: 'on',
    })
  })

  it('has nothing that is no address of a host', () => {
    for (const address of ['0.0.0.0', '::', '127.0.0.0/8', '127.0.0.1:80', 'localhost', 'fe80::1%lo', '', 7]) {
      const problems = problemsOfOptions({ pools: { p: { source: { bind: [address] } } } })
      expect(
        problems.map(({ path, code }) => [path, code]),
        String(address),
      ).to.deep.equal([['pools.p.source.bind[0]', 'LIMPET_ERR_BAD_ADDRESS']])
    }
  })

  it('cannot be transparent by the stream relay', () => {
    const options = (relay: 'auto' | 'stream') => ({
      listeners: [{ name: 'l', bind: ':7000', pool: 'p', relay }],
      pools: { p: { source: { transparent: 'port' } } },
    })
    expect(problemsOfOptions(options('stream')).map(({ path, code }) => [path, code])).to.deep.equal([
      ['listeners[0].relay', 'LIMPET_ERR_TRANSPARENT'],
    ])
    expect(() => resolveOptions(options('auto') as never, HERMETIC)).to.not.throw()
  })

  it('cannot be transparent where only the stream relay can serve', () => {
    const found = (listener: object, pool: object): (readonly [string, string])[] =>
      problemsOfOptions({
        listeners: [{ name: 'l', bind: ':7000', pool: 'p', ...listener }],
        pools: { p: { secret: 'a secret', source: { transparent: 'on' }, ...pool } },
      }).flatMap(({ path, code }) => (code === 'LIMPET_ERR_TRANSPARENT' ? [[path, code] as const] : []))
    const tls = { certificates: [{ cert: 'none.pem', key: 'none.key' }] }
    expect(found({ tls }, {})).to.deep.equal([['listeners[0].tls', 'LIMPET_ERR_TRANSPARENT']])
    const ofPool = [['pools.p.source.transparent', 'LIMPET_ERR_TRANSPARENT']]
    expect(found({}, { backendTls: {} })).to.deep.equal(ofPool)
    expect(found({}, { affinity: { cookie: { mode: 'insert' } } })).to.deep.equal(ofPool)
  })

  it('cannot be transparent behind routes whose clients the stream relay carries because of another pool', () => {
    const options = (other: object, transparent = {}) => ({
      listeners: [{ name: 'l', bind: ':7000', route: [{ port: 7001, pool: 'p' }, { pool: 'q' }] }],
      pools: { p: { source: { transparent: 'on' }, ...transparent }, q: { secret: 'a secret', ...other } },
    })
    const found = (other: object, transparent = {}): (readonly [string, string])[] =>
      problemsOfOptions(options(other, transparent)).flatMap(({ path, code }) =>
        code === 'LIMPET_ERR_TRANSPARENT' ? [[path, code] as const] : [],
      )
    const ofRoute = [['listeners[0].route', 'LIMPET_ERR_TRANSPARENT']]
    expect(() => resolveOptions(options({}) as never, HERMETIC)).to.not.throw()
    expect(found({ affinity: { cookie: { mode: 'insert' } } })).to.deep.equal(ofRoute)
    expect(found({ backendTls: {} })).to.deep.equal(ofRoute)
    expect(found({ affinity: { key: { regex: '/^a(b)/' } } })).to.deep.equal(ofRoute)
    expect(found({}, { affinity: { key: () => 'key' } })).to.deep.equal(ofRoute)
    // Alone it would be passed on to the native relay.
    const alone = {
      listeners: [{ name: 'l', bind: ':7000', pool: 'p' }],
      pools: { p: { source: { transparent: 'on' }, affinity: { key: () => 'key' } } },
    }
    expect(() => resolveOptions(alone as never, HERMETIC)).to.not.throw()
  })

  it('is warned of where this host has no such address, or the privilege would be gone', () => {
    const warned = (pool: string, end = ''): string[] =>
      parse(pool, '', end).warnings.map(line => line.replace(/^limpet\.yaml:\d+:\d+: pools\.p\.source\./, ''))
    expect(warned('source: { bind: [127.0.0.9, "::1"] }')).to.deep.equal([])
    expect(warned('source: { bind: [127.0.0.9, 192.0.2.1] }')).to.deep.equal([
      'bind[1]: this host has no address 192.0.2.1 now; without it, it cannot start',
    ])
    expect(warned('source: { transparent: on }')).to.deep.equal([])
    const [line = '', ...rest] = warned('source: { transparent: on }', 'user: limpet\n')
    expect(line).to.match(/^transparent: .*CAP_NET_ADMIN/)
    expect(rest).to.deep.equal([])
  })
})
