import { expect } from 'chai'
import { describeConfig } from '../../../src/config/describe.ts'
import { keyOption, readKeys } from '../../../src/config/key-source.ts'
import type { AffinityOptions, KeyOption, PoolOptions } from '../../../src/config/options.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { formatSize, readSize } from '../../../src/config/size.ts'
import type { ConfigProblem, LimpetConfigError } from '../../../src/errors.ts'

const refusal = (value: unknown): string => {
  const read = readKeys(value)
  return 'refusal' in read ? read.refusal.message : `accepted ${read.value}`
}

describe('sources of keys', () => {
  it('are read, alone and in lists, and told as they were', () => {
    const options = [
      'tls.sni',
      'http.cookie:__Host-id',
      'postgres.startup:application_name',
      { bytes: { offset: 0, length: 4 } },
      { lengthPrefixed: { offset: 2, size: 4, order: 'little' } },
      { proxy: 'uniqueId' },
      { proxy: 0xe3 },
      'source',
    ]
    const read = readKeys(options)
    if (!('value' in read)) throw new Error(read.refusal.message)
    expect(read.value.slice(3, 7)).to.deep.equal([
      'bytes:0:4',
      'lengthPrefixed:2:4:little',
      'proxy:uniqueId',
      'proxy:227',
    ])
    expect(read.value.map(keyOption)).to.deep.equal(options)
    expect(readKeys('mysql')).to.deep.equal({ value: ['source'] })
  })

  it('that are code are read and told, too; of a function its name', () => {
    const key = (): string => 'x'
    const options = [{ module: './key.js#fn' }, { regex: '/id=(a+)/i', bytes: 64 }, key, 'source']
    const read = readKeys(options)
    if (!('value' in read)) throw new Error(read.refusal.message)
    expect(read.value.map(keyOption)).to.deep.equal([...options.slice(0, 2), '[Function key]', 'source'])
    const usual = readKeys({ regex: /a/ })
    expect('value' in usual && usual.value.map(keyOption)).to.deep.equal([{ regex: '/a/', bytes: 1024 }])
    expect(refusal([key, key])).to.equal('[Function key] is there twice')
    expect(refusal([options[0], options[0]])).to.equal('"./key.js#fn" is there twice')
    expect(refusal({ module: './key.js' })).to.match(/^expected a file and the name of a function/)
    expect(refusal({ module: './key.py#fn' })).to.equal('"./key.py" is no module by its name')
    expect(refusal({ regex: '/a(/' })).to.match(/^"\/a\(\/" cannot be used: /)
    expect(refusal({ regex: '/a/', bytes: 0 })).to.equal('expected a number of bytes, got 0')
    expect(refusal({ regex: '/a/', byte: 1 })).to.match(/^expected a regular expression/)
  })

  it('are described as the document has them', () => {
    const config = resolveOptions({ pools: { p: { affinity: { key: 'tls.sni', fallback: 'refuse' } } } })
    expect(describeConfig(config).pools.p?.affinity).to.deep.equal({
      key: 'tls.sni',
      fallback: 'refuse',
      postgres: { tls: 'miss' },
      cookie: 'off',
      ipv4Prefix: 32,
      ipv6Prefix: 64,
      hotKey: 'off',
    })
  })

  it('that nobody knows are refused with what is known', () => {
    expect(refusal('tls.snl')).to.match(/^"tls\.snl" is no source of keys; did you mean "tls\.sni"\?$/)
    expect(refusal('http.cookie')).to.equal('http.cookie needs a name')
    expect(refusal('http.header:a b')).to.equal('"a b" cannot be a name')
    expect(refusal('tls.sni:x')).to.match(/is no source of keys/)
    expect(refusal(7)).to.equal('expected a source of keys, got 7')
    expect(refusal({ proxy: 'sourc' })).to.match(
      /^"sourc" is nothing that a PROXY header has; did you mean "source"\?$/,
    )
    for (const type of [-1, 256, 1.5, null]) expect(refusal({ proxy: type })).to.match(/^expected a name or the number/)
    expect(refusal({ proxy: 3 })).to.equal('TLV 3 says nothing of the client')
    expect(refusal({ byte: {} })).to.equal('expected a source of keys, got a mapping')
    expect(refusal({ bytes: { offset: 0 } })).to.equal('expected an offset and a length, got a mapping')
    expect(refusal({ bytes: { offset: 65_536, length: 1 } })).to.equal('bytes up to 65537 are too far')
    expect(refusal({ lengthPrefixed: { offset: 0, size: 3 } })).to.equal('expected an offset and a size, got a mapping')
  })

  it('of a list must all have a chance', () => {
    expect(refusal([])).to.equal('expected 1 to 8 sources')
    expect(refusal(['source', 'tls.sni'])).to.equal('"tls.sni" stands behind source, which always has a key')
    expect(refusal(['tls.sni', 'tls.sni'])).to.equal('"tls.sni" is there twice')
    expect(refusal([{ proxy: 'authority' }, { proxy: 2 }])).to.equal('"proxy:authority" is there twice')
  })
})

const problemsOf = (pool: PoolOptions): readonly ConfigProblem[] => {
  try {
    resolveOptions({ pools: { p: pool } })
    return []
  } catch (error) {
    return (error as LimpetConfigError).problems
  }
}

describe('keys in first bytes', () => {
  it('go with no rebalance, which knows clients by their addresses', () => {
    const refused = (affinity: AffinityOptions, perMinute: number): readonly ConfigProblem[] =>
      problemsOf({ affinity, rebalance: { perMinute } })
    expect(refused({}, 5)).to.deep.equal([])
    expect(refused({ key: 'mysql' }, 5)).to.deep.equal([])
    expect(refused({ key: 'tls.sni' }, 0)).to.deep.equal([])
    const [problem, ...others] = refused({ key: ['tls.sni', 'source'] }, 5)
    expect(problem).to.include({ path: 'pools.p.rebalance.perMinute', accepted: '0; or affinity.key: source' })
    expect(others).to.deep.equal([])
  })

  it('that are learnt need a stick table', () => {
    const key = ['tls.sni', 'tls.sessionId']
    expect(problemsOf({ affinity: { key } })).to.deep.equal([])
    expect(problemsOf({ affinity: { key: 'rdp.token' }, stickTable: 'off' })).to.deep.equal([])
    for (const stickTable of ['off', false] as const) {
      const [problem, ...others] = problemsOf({ affinity: { key }, stickTable })
      expect(problem?.path).to.equal('pools.p.affinity.key')
      expect(problem?.message).to.match(/tls\.sessionId is learnt into the stick table, and this pool has none/)
      expect(others).to.deep.equal([])
    }
  })

  it('that are learnt have no home to return to', () => {
    const found = (key: KeyOption, returnHome: 'never' | 'next-connect'): (string | undefined)[] =>
      problemsOf({ affinity: { key }, returnHome }).map(({ path }) => path)
    expect(found('tls.sessionId', 'next-connect')).to.deep.equal(['pools.p.returnHome'])
    expect(found('tls.sessionId', 'never')).to.deep.equal([])
    expect(found('tls.sni', 'next-connect')).to.deep.equal([])
  })

  it('that are learnt need clients that are served without them at first', () => {
    const found = (key: KeyOption | KeyOption[]): (string | undefined)[] =>
      problemsOf({ affinity: { key, fallback: 'refuse' } }).map(({ path }) => path)
    expect(found('tls.sessionId')).to.deep.equal(['pools.p.affinity.fallback'])
    expect(found(['tls.sessionId', 'tls.sni'])).to.deep.equal([])
    expect(found('rdp.token')).to.deep.equal([])
  })
})

describe('sizes', () => {
  it('are bytes, or text with a unit', () => {
    const range = { min: 16, max: 65_536 }
    expect(readSize('16KiB', range)).to.deep.equal({ value: 16_384 })
    expect(readSize('100B', range)).to.deep.equal({ value: 100 })
    expect(readSize(100, range)).to.deep.equal({ value: 100 })
    for (const bad of ['16', '16kb', '1MiB', 15, 65_537, 16.5, '-1B', null]) {
      expect(readSize(bad, range), String(bad)).to.have.property('refusal')
    }
    expect([formatSize(16_384), formatSize(100), formatSize(0)]).to.deep.equal(['16KiB', '100B', '0B'])
  })
})
