import { createHmac, hkdfSync } from 'node:crypto'
import { expect } from 'chai'
import { DerivedSecrets } from '../../../src/config/secrets.ts'
import { BackendTokens, tokenOf } from '../../../src/cookies/token.ts'

const SECRET = Buffer.from('a secret of a pool')
const { cookie: KEY } = new DerivedSecrets(SECRET)

describe('tokens of backends', () => {
  it('are HMAC-SHA-256 of the name under a key of their own, cut to 128 bits', () => {
    const key = Buffer.from(hkdfSync('sha256', SECRET, '', 'limpet/1/cookie', 32))
    const whole = createHmac('sha256', key).update('a').digest()
    expect(tokenOf(KEY, 'a')).to.equal(whole.subarray(0, 16).toString('base64url'))
    expect(tokenOf(KEY, 'a')).to.match(/^[\w-]{22}$/)
  })

  it('are the same everywhere under one secret, and others under another', () => {
    expect(tokenOf(new DerivedSecrets(Buffer.from(SECRET)).cookie, 'a')).to.equal(tokenOf(KEY, 'a'))
    expect(tokenOf(new DerivedSecrets(Buffer.from('another secret')).cookie, 'a')).to.not.equal(tokenOf(KEY, 'a'))
  })

  it('name the backends that are there, and no others', () => {
    const tokens = new BackendTokens(KEY, ['a', 'b'])
    expect(tokens.backendOf(tokens.tokenOf('a'))).to.equal('a')
    expect(tokens.backendOf(tokenOf(KEY, 'c'))).to.equal(undefined)
    expect(tokens.backendOf('a')).to.equal(undefined)
    expect(tokens.backendOf('')).to.equal(undefined)
  })

  it('follow the backends', () => {
    const tokens = new BackendTokens(KEY, ['a', 'b'])
    tokens.replace(['b', 'c'])
    expect(tokens.backendOf(tokenOf(KEY, 'a'))).to.equal(undefined)
    expect(['b', 'c'].map(name => tokens.backendOf(tokenOf(KEY, name)))).to.deep.equal(['b', 'c'])
    expect(tokens.tokenOf('a')).to.equal(tokenOf(KEY, 'a'))
  })
})
