import { expect } from 'chai'
import fc from 'fast-check'
import { KeyRegex } from '../../../src/affinity/regex/key-regex.ts'

/** What JavaScript's own RegExp has in its first group, or as its match. */
function oracle(text: string, input: string): string | undefined {
  const [, source = '', flags] = /^\/(.*)\/(\w*)$/s.exec(text) ?? []
  const match = new RegExp(source, flags).exec(input)
  const key = match !== null && match.length > 1 ? match[1] : match?.[0]
  return key === '' ? undefined : key
}

/** The key, byte by byte; and after how many bytes it was certain, if before the end. */
function search(regex: KeyRegex, input: string): { key: string | undefined; at: number | undefined } {
  const look = regex.begin()
  const bytes = Buffer.from(input, 'latin1')
  for (let length = 0; length <= bytes.length; length++) {
    const found = look.find(bytes.subarray(0, length))
    if (found !== 'more') return { key: textOf(found as Uint8Array | undefined), at: length }
  }
  return { key: textOf(look.last?.()), at: undefined }
}

function textOf(key: Uint8Array | undefined): string | undefined {
  return key === undefined ? undefined : Buffer.from(key).toString('latin1')
}

const CASES: [text: string, input: string][] = [
  ['/id=(\\w+)/', 'GET /?id=ann&x=1 HTTP'],
  ['/^(?:GET|POST) \\/room\\/([^/ ]+)/', 'POST /room/7/x HTTP/1.1'],
  ['/user[:=]\\s*"?([a-z]+)/i', 'x USER: "Ann"'],
  ['/a.*b|a/', 'axxxxb'],
  ['/a.*z|b/', 'abbbbz'],
  ['/a+?/', 'aaa'],
  ['/(a|ab)(c|bcd)/', 'abcd'],
  ['/^x$/m', 'y\nx\nz'],
  ['/\\bann\\b/', 'joann ann!'],
  ['/(?:(a)|b)*$/', 'ab'],
  ['/a{2,3}/', 'aaaa'],
  ['/(a{2}){2}/', 'aaaaa'],
  ['/[^\\x00-\\x1f]+$/', '\x01\x02\xff\xe4'],
  ['/[à-þ]+/i', 'xÀÉ!'],
  ['/.+/s', 'a\nb'],
  ['/(?:a??)?/', 'a'],
  ['/(|a)+/', 'aa'],
  ['/(?:(?:a|b??)*?,?)*;/', 'ab,b;'],
  ['/(?:(a?)*?)*b/', 'aab'],
  ['/(?:){99999999999}a/', 'ab'],
  ['/nothing/', 'else'],
]

/** Patterns of what may go wrong together: alternatives, loops of every kind, groups, conditions. */
const pattern: fc.Memo<string> = fc.memo(depth => {
  const atom = fc.constantFrom('a', 'b', 'c', '.', '[ab]', '[^a]', '\\w', '\\b', '^', '$')
  if (depth <= 1) return atom
  const part = pattern(depth - 1)
  const loop = fc
    .tuple(part, fc.constantFrom('*', '+', '?', '*?', '+?', '??', '{0}', '{2}', '{2,}', '{1,2}', '{0,2}?'))
    .map(([body, quantifier]) => `(?:${body})${quantifier}`)
  return fc.oneof(
    atom,
    loop,
    fc.tuple(part, part).map(([left, right]) => left + right),
    fc.tuple(part, part).map(([left, right]) => `(?:${left}|${right})`),
    part.map(inner => `(${inner})`),
  )
})

describe('keys by regular expressions', () => {
  for (const [text, input] of CASES) {
    it(`find what JavaScript finds: ${text}`, () => {
      const { key, at } = search(new KeyRegex(text, 1024), input)
      expect(key).to.equal(oracle(text, input))
      // What was certain is so whatever follows.
      if (at !== undefined) expect(oracle(text, `${input.slice(0, at)}azb\n`)).to.equal(key)
    })
  }

  it('find what JavaScript finds in all of the bytes, however they are split', () => {
    fc.assert(
      fc.property(
        pattern(4),
        fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\n'), maxLength: 12 }),
        (source, input) => {
          const text = `/${source}/`
          const { key, at } = search(new KeyRegex(text, 64), input)
          expect(key).to.equal(oracle(text, input))
          if (at !== undefined) expect(oracle(text, `${input.slice(0, at)}azb\n`)).to.equal(key)
        },
      ),
      { numRuns: 3000 },
    )
  })

  it('are certain as soon as nothing could change it', () => {
    const certainAfter = (text: string, input: string): number | undefined => search(new KeyRegex(text, 1024), input).at
    expect(certainAfter('/id=(\\w+);/', 'id=ann;xxxx')).to.equal(7)
    expect(certainAfter('/id=(\\w+)/', 'id=ann;xxxx')).to.equal(7)
    expect(certainAfter('/^id=(\\w+)/', 'xx')).to.equal(1)
    expect(certainAfter('/id=(\\w+)/', 'id=ann')).to.equal(undefined)
  })

  it('take time that is linear in the bytes', () => {
    const regex = new KeyRegex('/^(a+)+$/', 16_384)
    expect(search(new KeyRegex('/(?:a|a?)+b/', 4096), 'a'.repeat(4000)).key).to.equal(undefined)
    expect(search(new KeyRegex('/(?:(?:a*)*)*b/', 4096), 'a'.repeat(4000)).key).to.equal(undefined)
    const look = regex.begin()
    const bytes = Buffer.alloc(16_384, 'a')
    bytes[16_383] = 0x21
    expect(look.find(bytes)).to.equal(undefined)
  })

  it('look no further than they may', () => {
    const look = new KeyRegex('/id=(\\w+)/', 5).begin()
    expect(look.find(Buffer.from('id='))).to.equal('more')
    expect(textOf(look.find(Buffer.from('id=annabel')) as Uint8Array)).to.equal('an')
  })

  it('are refused where they would take longer, are too large, or are none', () => {
    const why = (text: string, bytes = 1024): string => {
      try {
        return String(new KeyRegex(text, bytes).text)
      } catch (error) {
        return (error as Error).message
      }
    }
    expect(why('/(a)\\1/')).to.match(/takes more than linear time/)
    expect(why('/a(?=b)/')).to.match(/takes more than linear time/)
    expect(why('/(?<!b)a/')).to.match(/takes more than linear time/)
    expect(why('/a{5000}/')).to.match(/too large/)
    expect(why('/a{500}/', 65_536)).to.match(/steps are too many for 65536 bytes/)
    expect(why('/a/g')).to.match(/flags/)
    expect(why('/a/u')).to.match(/flags/)
    expect(why('/(a/')).to.match(/Unterminated group/)
    expect(why('/\\u20ac/')).to.match(/is no byte/)
    expect(why('id=')).to.be.a('string').and.not.equal('id=')
  })
})
