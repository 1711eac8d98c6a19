import { expect } from 'chai'
import fc from 'fast-check'
import { readStoreAddress, type StoreAddress, storeText } from '../../../src/cluster/store/store-address.ts'

const read = (url: string): StoreAddress => {
  const address = readStoreAddress(url)
  if (typeof address === 'string') throw new Error(address)
  return address
}

describe('addresses of stores', () => {
  it('are read in every form', () => {
    const forms: Record<string, object> = {
      'redis://h': { kind: 'single', nodes: [{ host: 'h', port: 6379 }], isTls: false, database: 0 },
      'valkey://h/': { kind: 'single', nodes: [{ host: 'h', port: 6379 }], isTls: false, database: 0 },
      'rediss://h:1/3': { kind: 'single', nodes: [{ host: 'h', port: 1 }], isTls: true, database: 3 },
      'valkeys://[::1]:7': { kind: 'single', nodes: [{ host: '::1', port: 7 }], isTls: true, database: 0 },
      'redis://:p@h': { kind: 'single', nodes: [{ host: 'h', port: 6379 }], isTls: false, database: 0, password: 'p' },
      'redis://u:@h': {
        ...{ kind: 'single', nodes: [{ host: 'h', port: 6379 }], isTls: false, database: 0 },
        ...{ username: 'u', password: '' },
      },
      'redis://u:a%40b%3A%2Fc%25:d@10.0.0.1': {
        ...{ kind: 'single', nodes: [{ host: '10.0.0.1', port: 6379 }], isTls: false, database: 0 },
        ...{ username: 'u', password: 'a@b:/c%:d' },
      },
      'redis+sentinel://a,b:2/main': {
        ...{ kind: 'sentinel', isTls: false, database: 0, primary: 'main' },
        nodes: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 2 },
        ],
      },
      'rediss+sentinel://a/main/4': {
        kind: 'sentinel',
        isTls: true,
        database: 4,
        primary: 'main',
        nodes: [{ host: 'a', port: 26379 }],
      },
      'redis+sentinel://:x@a/main?sentinelUsername=s&sentinelPassword=y%26z': {
        ...{ kind: 'sentinel', nodes: [{ host: 'a', port: 26379 }], isTls: false, database: 0, primary: 'main' },
        ...{ password: 'x', sentinelUsername: 's', sentinelPassword: 'y&z' },
      },
      'valkey+cluster://a,[fe80::1]:3': {
        ...{ kind: 'cluster', isTls: false, database: 0 },
        nodes: [
          { host: 'a', port: 6379 },
          { host: 'fe80::1', port: 3 },
        ],
      },
    }
    const found = Object.fromEntries(Object.keys(forms).map(url => [url, read(url)]))
    expect(found).to.deep.equal(forms)
  })

  it('that cannot be read say why, and nothing of what is secret', () => {
    const wrong = [
      ...['', 'h', 'http://:hush@h', 'redis:/:hush@h', 'redis://:hush@', 'redis://:hush@h:0', 'redis://:hush@h:65536'],
      ...['redis://:hush@h:x', 'redis://:hush@a,b', 'redis://:hush@h/x', 'redis://:hush@h/1/2', 'redis://:hush@h/-1'],
      ...['redis://:hush@h?a=b', 'redis+sentinel://:hush@h', 'redis+cluster://:hush@h/1', 'redis://:%hush@h'],
      ...[
        'redis+sentinel://h/m?sentinelPassword=%hush',
        'redis+sentinel://h/m?hush=1',
        'redis://:hu/sh@h',
        'redis://:hush@[::1',
      ],
      `redis+cluster://:hush@${Array.from({ length: 33 }, () => 'h').join()}`,
    ]
    for (const url of wrong) {
      const error = readStoreAddress(url)
      expect(error, url).to.be.a('string')
      expect(error, url).to.not.match(/hush|sh@h/)
    }
  })

  it('with a password that is not written as URLs have it say so', () => {
    for (const url of [
      'redis://:p@ss@h',
      'redis://:p/ss@h',
      'rediss://:p?ss@h:1',
      'redis+cluster://u:p#ss@h',
      'redis://:%ss@h',
    ])
      expect(readStoreAddress(url), url).to.match(/passwords .* %XX/)
    // For redis-cli it is a password, for most other clients a user.
    expect(readStoreAddress('redis://hush@h')).to.equal(
      'it has a user without a password: write :PASSWORD@ or USER:PASSWORD@',
    )
  })

  it('are shown without user names and passwords', () => {
    const shown: Record<string, string> = {
      'valkey://us:hush@h/2': 'redis://h:6379/2',
      'rediss://[::1]': 'rediss://[::1]:6379',
      'redis+sentinel://us:hush@a,b/main/1?sentinelPassword=hush': 'redis+sentinel://a:26379,b:26379/main/1',
      'redis+cluster://:hush@a': 'redis+cluster://a:6379',
    }
    expect(Object.fromEntries(Object.keys(shown).map(url => [url, storeText(read(url))]))).to.deep.equal(shown)
  })

  it('take any password that is written as URLs have it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), fc.string({ minLength: 1 }), (user, password) => {
        const address = read(`redis://${encodeURIComponent(user)}:${encodeURIComponent(password)}@h`)
        expect(address).to.include({ username: user, password })
      }),
    )
  })

  it('never throw, whatever they are', () => {
    fc.assert(
      fc.property(fc.string(), text => ['string', 'object'].includes(typeof readStoreAddress(`redis://${text}`))),
    )
  })
})
