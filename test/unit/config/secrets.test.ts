import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'chai'
import fc from 'fast-check'
import { describeConfig } from '../../../src/config/describe.ts'
import { PoolSecret } from '../../../src/config/pool-secret.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { DerivedSecrets, type DigestInput, digest } from '../../../src/config/secrets.ts'
import { HERMETIC } from './helpers.ts'

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/**
 * Made by a second implementation, in Python, from the text of RFC 5869 and the encoding of `digest()`: see
 * docs/configuration.md, "Secrets and the digest". They hold for ever: whoever changes them moves every client.
 */
const GOLDEN = {
  'limpet-pool:redis': {
    placement: '1c39326208ab96201fe24565339def53d930fa6695a1f88d4f8a6ebdafde75aa',
    key: '2ebf8c9c9a9d8ca32e2083a785ebf1b027e900c747d25b97a9d3740ea48e9dc6',
    cookie: '848b421dbfe4a35bdb1332847d3d259146a48dcf77773c91f14f2cf0ee266a0c',
    cluster: '5373eaaa7cbd92e022fcf909d0c79668128b6988ab4aaee101a48ca06713884a',
    digest: '78a8ad2363bfdb7c97669503265c30fdd9e098b3440612fac9fef8c33dc6e179',
  },
  'correct horse battery staple': {
    placement: 'f0fd36037aae2c5637d62851bc0eda216a4555a4087325662088a164b198df2f',
    key: '1d38c1308c0e82dd8bce1e098877c789af8389f5c65244affdf860be9ecbb851',
    cookie: '9be04685ce63bd1350d67d3b63562984ff9e09f601bfd9fe899177d35c103a8e',
    cluster: '59a3599583f051dad7d9603f69fe5683f0c27793316f1e9b722b5950f3dbcc45',
    digest: 'bbb59f90f51ab6a4c0ae23fae133d6140d2214efc4dd471037fa77aca92892cc',
  },
}

describe('DerivedSecrets', () => {
  it('gives the golden keys', () => {
    for (const [secret, golden] of Object.entries(GOLDEN)) {
      const { placement, key, cookie, cluster, digest: digestKey } = new DerivedSecrets(Buffer.from(secret))
      expect([placement, key, cookie, cluster, digestKey].map(bytes => bytes.length)).to.deep.equal([
        192, 192, 32, 32, 32,
      ])
      // The long ones are frozen by their hash.
      expect({
        placement: sha256(placement),
        key: sha256(key),
        cookie: cookie.toString('hex'),
        cluster: cluster.toString('hex'),
        digest: digestKey.toString('hex'),
      }).to.deep.equal(golden)
    }
  })

  it('derives each key once', () => {
    const secrets = new DerivedSecrets(Buffer.from('limpet-pool:redis'))
    for (const use of ['placement', 'key', 'cookie', 'cluster', 'digest'] as const)
      expect(secrets[use]).to.equal(secrets[use])
  })

  it('refuses secrets that are too short or too long', () => {
    for (const length of [0, 7, 4097]) {
      expect(() => new DerivedSecrets(Buffer.alloc(length)), String(length))
        .to.throw()
        .with.property('code', 'LIMPET_ERR_BAD_SECRET')
    }
    for (const length of [8, 4096]) expect(new DerivedSecrets(Buffer.alloc(length)).placement).to.have.length(192)
  })
})

describe('digest()', () => {
  const key = new DerivedSecrets(Buffer.from('limpet-pool:redis')).digest
  const base: DigestInput = {
    placement: 'rendezvous',
    ipv4Prefix: 32,
    ipv6Prefix: 64,
    backends: [
      { name: 'a', weight: 1 },
      { name: 'b', weight: 2 },
      { name: 'c', weight: 65_535 },
    ],
  }

  it('is golden', () => {
    expect(digest(key, base)).to.equal('69d187ace9284a05')
    const ring = ['ab', 'a', 'Z', 'z-off'].map((name, index) => ({ name, weight: [1, 1, 3, 0][index] ?? 0 }))
    expect(digest(key, { placement: 'ring', ipv4Prefix: 24, ipv6Prefix: 56, backends: ring })).to.equal(
      'b58dcef36772ee24',
    )
    expect(digest(key, { ...base, backends: [] })).to.equal('8f24e53e3429639e')
    const backup = [
      { name: 'a', weight: 1 },
      { name: 'b', weight: 1, backup: true },
    ]
    expect(digest(key, { ...base, backends: backup })).to.equal('75e0abc49e8452ea')
  })

  it('has where hot keys are spread, if they are', () => {
    const hot = { ...base, hotKey: { spread: 4, by: 'port' } }
    const others = [
      base,
      hot,
      { ...base, hotKey: { spread: 5, by: 'port' } },
      { ...base, hotKey: { spread: 4, by: 'tls.sni' } },
    ]
    expect(new Set(others.map(input => digest(key, input))).size).to.equal(4)
    expect(digest(key, { ...base, hotKey: undefined })).to.equal(digest(key, base))
  })

  it('does not depend on the order, nor on backends of weight 0', () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1, unit: 'grapheme' }), { maxLength: 8 })
    const backends = names.chain(list =>
      fc.tuple(...list.map(name => fc.record({ name: fc.constant(name), weight: fc.nat({ max: 3 }) }))),
    )
    fc.assert(
      fc.property(backends, fc.nat(), (list, seed) => {
        const shuffled = list
          .map((backend, index) => ({ backend, rank: (index + 1) * seed }))
          .sort((left, right) => (left.rank % 7) - (right.rank % 7))
        const others = shuffled.map(({ backend }) => backend).filter(({ weight }) => weight > 0)
        return digest(key, { ...base, backends: list }) === digest(key, { ...base, backends: others })
      }),
    )
  })

  it('depends on everything that homes depend on', () => {
    const variants: DigestInput[] = [
      base,
      { ...base, placement: 'ring' },
      { ...base, ipv4Prefix: 31 },
      { ...base, ipv6Prefix: 65 },
      { ...base, ipv4Prefix: 3, ipv6Prefix: 264 },
      { ...base, backends: [...base.backends].slice(1) },
      { ...base, backends: [...base.backends].map(backend => ({ ...backend, weight: 1 })) },
      { ...base, backends: [...base.backends].map(backend => ({ ...backend, backup: true })) },
      { ...base, backends: [{ name: 'a1', weight: 1 }] },
      { ...base, backends: [{ name: 'a', weight: 11 }] },
    ]
    const digests = [...variants.map(variant => digest(key, variant)), digest(Buffer.alloc(32), base)]
    expect(new Set(digests).size).to.equal(digests.length)
    for (const value of digests) expect(value).to.match(/^[0-9a-f]{16}$/)
  })
})

describe('PoolSecret', () => {
  const TEXT = 'hunter2-hunter2'

  it('shows where it came from, and nothing else', () => {
    const sources = [
      [new PoolSecret({ kind: 'text' }, Buffer.from(TEXT)), '(set)'],
      [new PoolSecret({ kind: 'env', name: 'X' }, Buffer.from(TEXT)), '(from env X)'],
      [new PoolSecret({ kind: 'file', path: '/x' }, Buffer.from(TEXT)), '(from file)'],
      [PoolSecret.ofPool('p'), "(derived from the pool's name)"],
    ] as const
    for (const [secret, text] of sources) {
      expect(`${secret}`).to.equal(text)
      expect(JSON.stringify({ secret })).to.equal(JSON.stringify({ secret: text }))
      expect(inspect(secret, { depth: 9, showHidden: true })).to.equal(`PoolSecret ${text}`)
    }
  })

  it('does not leak from a configuration', () => {
    const config = resolveOptions({ pools: { p: { secret: TEXT } } }, HERMETIC)
    const secret = config.pools.get('p')?.secret
    expect(secret?.bytes().toString()).to.equal(TEXT)
    const shown = [
      inspect(config, { depth: 9, showHidden: true }),
      JSON.stringify(config),
      JSON.stringify([...config.pools]),
      JSON.stringify(describeConfig(config)),
    ]
    const hidden = [
      TEXT,
      Buffer.from(TEXT).toString('hex'),
      Buffer.from(TEXT).toString('base64'),
      [...Buffer.from(TEXT)].join(','),
    ]
    for (const text of shown) for (const piece of hidden) expect(text).not.to.include(piece)
  })

  it('gives out copies', () => {
    const secret = PoolSecret.ofPool('p')
    secret.bytes().fill(0)
    expect(secret.bytes().toString()).to.equal('limpet-pool:p')
  })

  it('is derived from the name of the pool by default', () => {
    const secret = resolveOptions({ pools: { redis: {} } }, HERMETIC).pools.get('redis')?.secret
    expect(secret?.bytes().toString()).to.equal('limpet-pool:redis')
    expect(secret?.source).to.deep.equal({ kind: 'default' })
  })
})
