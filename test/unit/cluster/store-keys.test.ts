import { expect } from 'chai'
import { StoreKeys } from '../../../src/cluster/store/store-keys.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const one = new StoreKeys({ prefix: 'limpet', name: 'default' }, 1)
const many = new StoreKeys({ prefix: 'pre/fix', name: 'a:b@c' }, 16)

describe('keys of a store', () => {
  it('of an exception are in the slot of the stream that tells of it', () => {
    for (const character of ALPHABET) {
      const sealed = `${character}${'x'.repeat(21)}`
      const tagOf = (key: string): string => key.slice(key.indexOf('{'), key.indexOf('}') + 1)
      expect(tagOf(many.pin('p', sealed))).to.equal(tagOf(many.changes(many.shardOf(sealed))))
      expect(one.shardOf(sealed)).to.equal(0)
    }
  })

  it('are spread evenly over the slots', () => {
    const counts = new Array(16).fill(0)
    for (const character of ALPHABET) counts[many.shardOf(character)]++
    expect(counts).to.deep.equal(new Array(16).fill(4))
  })

  it('say what they are of', () => {
    expect(one.pin('p', 'AB')).to.equal('limpet:{default:0}:pin:p:AB')
    for (const pool of ['p', 'a:b', 'x/y', 'pin:p'])
      expect(many.readPin(many.pin(pool, 'Q-_'))).to.deep.equal({ pool, sealed: 'Q-_' })
    for (const key of ['', 'x', 'limpet:{default:0}:changes', 'limpet:{default:0}:pin:', 'limpet:{default:0}:pin:p'])
      expect(one.readPin(key), key).to.equal(undefined)
  })

  it('of what cannot be a key have a slot all the same', () => {
    for (const sealed of ['', '!', 'ä']) expect(many.shardOf(sealed)).to.equal(0)
  })
})
