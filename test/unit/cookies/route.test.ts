import { expect } from 'chai'
import fc from 'fast-check'
import { routeIn } from '../../../src/cookies/route.ts'

const BACKENDS = new Set(['a', 'b', 'node.1', '1', 'eu~west'])
const read = (position: 'prefix' | 'suffix', separator: string, value: string): string | undefined =>
  routeIn({ position, separator }, value, name => BACKENDS.has(name))

describe("a backend's name in the value of a cookie", () => {
  it('is behind the separator', () => {
    expect(read('suffix', '.', '7F3A.a')).to.equal('a')
    expect(read('suffix', '.', '7.F.3.b')).to.equal('b')
    expect(read('suffix', '!!', '7F3A!!a')).to.equal('a')
  })

  it('is before it', () => {
    expect(read('prefix', '~', 'a~7F3A')).to.equal('a')
    expect(read('prefix', '~', 'b~7~a')).to.equal('b')
  })

  it('may have the separator in it: the longest one counts', () => {
    expect(read('suffix', '.', '7F3A.node.1')).to.equal('node.1')
    expect(read('suffix', '.', 'x.1')).to.equal('1')
    expect(read('prefix', '~', 'eu~west~7F3A')).to.equal('eu~west')
  })

  it('is not there', () => {
    for (const value of ['', 'a', '.', '7F3A.', '7F3A.c', 'a.7F3A'])
      expect(read('suffix', '.', value)).to.equal(undefined)
    for (const value of ['', 'a', '~', '~a', 'c~7', '7~a']) expect(read('prefix', '~', value)).to.equal(undefined)
  })

  it('is found behind and before whatever there is', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), fc.constantFrom('a', 'b'), (rest, name) => {
        expect(read('suffix', '.', `${rest}.${name}`))
          .to.be.a('string')
          .that.matches(new RegExp(`${name}$`))
        expect(read('prefix', '!', `${name}!${rest}`)).to.equal(name)
      }),
    )
  })
})
