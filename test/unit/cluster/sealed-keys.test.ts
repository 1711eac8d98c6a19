import { expect } from 'chai'
import fc from 'fast-check'
import { KEY_BYTES, SealedKeys } from '../../../src/cluster/exceptions/sealed-keys.ts'
import { DerivedSecrets } from '../../../src/config/secrets.ts'

const CONTENT = 9
const DIGEST = '00112233445566ff'
const secret = new DerivedSecrets(Buffer.from('a secret of tests')).cluster

const blocks = (contents: readonly Uint8Array[]): Buffer =>
  Buffer.concat(contents.map(content => Buffer.concat([content, Buffer.alloc(KEY_BYTES - CONTENT)])))
const contents = fc.array(fc.uint8Array({ minLength: CONTENT, maxLength: CONTENT }), { maxLength: 20 })

describe('sealed keys', () => {
  it('are the same for every balancer with the secret, and open to what they were', () => {
    const [one, other] = [new SealedKeys(secret, DIGEST), new SealedKeys(secret, DIGEST)]
    fc.assert(
      fc.property(contents, all => {
        const keys = blocks(all)
        const sealed = one.seal(keys)
        expect(other.seal(keys)).to.deep.equal(sealed)
        expect(other.open(sealed)).to.deep.equal({ keys, at: all.map((_, at) => at) })
      }),
    )
  })

  it('of one key do not depend on the keys around it', () => {
    const sealed = new SealedKeys(secret, DIGEST)
    const keys = blocks([Buffer.alloc(CONTENT, 1), Buffer.alloc(CONTENT, 2), Buffer.alloc(CONTENT, 1)])
    const all = sealed.seal(keys)
    expect(all.subarray(0, KEY_BYTES)).to.deep.equal(all.subarray(2 * KEY_BYTES))
    expect(sealed.seal(keys.subarray(KEY_BYTES, 2 * KEY_BYTES))).to.deep.equal(all.subarray(KEY_BYTES, 2 * KEY_BYTES))
  })

  it('show nothing of the key', () => {
    const address = Buffer.from([1, 7, 2, 0, 192, 0, 0, 0, 0])
    const sealed = new SealedKeys(secret, DIGEST).seal(blocks([address]))
    expect(sealed.includes(address.subarray(1, 5))).to.equal(false)
  })

  it('of another secret, of other prefixes, or damaged are left out', () => {
    const mine = new SealedKeys(secret, DIGEST)
    const strangers = [
      new SealedKeys(new DerivedSecrets(Buffer.from('another secret')).cluster, DIGEST),
      new SealedKeys(secret, '00112233445577ff'),
    ]
    const key = blocks([Buffer.alloc(CONTENT, 3)])
    const good = mine.seal(key)
    for (const stranger of strangers) {
      const { keys, at } = mine.open(Buffer.concat([stranger.seal(key), good]))
      expect({ keys, at }).to.deep.equal({ keys: key, at: [1] })
    }
    const damaged = Buffer.from(good)
    damaged[5] = (damaged[5] ?? 0) ^ 1
    expect(mine.open(damaged)).to.deep.equal({ keys: Buffer.alloc(0), at: [] })
    expect(mine.open(good.subarray(1))).to.deep.equal({ keys: Buffer.alloc(0), at: [] })
  })
})
