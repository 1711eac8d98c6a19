import { expect } from 'chai'
import fc from 'fast-check'
import { HeadInsertion } from '../../../src/cookies/response-head.ts'

const LINE = 'Set-Cookie: limpet=x; Path=/\r\n'
const MOST = 16_384

interface Passed {
  text: string
  inserted: number
  /** After each piece, whether bytes were kept back. */
  held: boolean[]
}

function pass(pieces: readonly Buffer[]): Passed {
  let inserted = 0
  const insertion = new HeadInsertion(Buffer.from(LINE), () => inserted++)
  const held: boolean[] = []
  const out = pieces.map(piece => {
    const bytes = insertion.push(piece)
    held.push(insertion.isHolding)
    return bytes
  })
  return { text: Buffer.concat([...out, insertion.end()]).toString('latin1'), inserted, held }
}

const whole = (text: string): Passed => pass([Buffer.from(text, 'latin1')])

/** Cut at these places, which may be the same. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, 'latin1')
  const sorted = [...places.map(place => place % (bytes.length + 1)), bytes.length].sort((left, right) => left - right)
  // A socket tells of no empty chunk.
  return sorted.map((end, at) => bytes.subarray(sorted[at - 1] ?? 0, end)).filter(({ length }) => length > 0)
}

/** Before and behind the line that is put in. */
const CHANGED: readonly [name: string, before: string, behind: string][] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n', '\r\nhi'],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n', '\r\n2\r\nhi\r\n0\r\n\r\n'],
  ['no length, until the end', 'HTTP/1.1 200 OK\r\nConnection: close\r\n', '\r\nhi\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nServer: x\r\n', '\r\nhi'],
  ['no reason and no fields', 'HTTP/1.1 204\r\n', '\r\n'],
  ['304', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n', '\r\nHTTP/1.1 200 OK\r\n\r\n'],
  ['bare line feeds', 'HTTP/1.1 200 OK\nServer: x\n', '\nhi'],
  ['another cookie', 'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\n', '\r\n'],
  [
    '100 and 103 before it',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: y\r\n\r\nHTTP/1.1 200 OK\r\n',
    '\r\nhi',
  ],
  ['101', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n', '\r\n\x00\xff\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'],
  ['several responses', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n', '\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
]

const UNCHANGED: readonly [name: string, text: string][] = [
  ['nothing at all', ''],
  ['another protocol', 'SSH-2.0-x\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x00\x05hello\n\n'],
  ['HTTP/2', '\x00\x00\x00\x04\x00\x00\x00\x00\x00'],
  ['a later version', 'HTTP/2 200\r\n\r\n'],
  ['no status', 'HTTP/1.1 \r\n\r\n'],
  ['a status of letters', 'HTTP/1.1 abc\r\n\r\n'],
  ['a head that does not end', 'HTTP/1.1 200 OK\r\nServer: x\r\n'],
  ['only interim responses', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['a head that is too long', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(MOST)}\r\n\r\nhi`],
]

describe('putting a field into the first final response', () => {
  for (const [name, before, behind] of CHANGED) {
    it(`does so where there is ${name}, however it is cut`, () => {
      const text = before + behind
      for (let place = 0; place <= text.length; place++)
        expect(pass(cut(text, [place]))).to.include({ text: before + LINE + behind, inserted: 1 })
      fc.assert(
        fc.property(fc.array(fc.nat(), { maxLength: 8 }), places => {
          expect(pass(cut(text, places)).text).to.equal(before + LINE + behind)
        }),
      )
      const bytes = [...text].map(character => Buffer.from(character, 'latin1'))
      expect(pass(bytes).text).to.equal(before + LINE + behind)
    })
  }

  for (const [name, text] of UNCHANGED) {
    it(`leaves ${name} as it is`, () => {
      expect(whole(text)).to.include({ text, inserted: 0 })
      fc.assert(
        fc.property(fc.array(fc.nat(), { maxLength: 8 }), places => {
          expect(pass(cut(text, places))).to.include({ text, inserted: 0 })
        }),
        { numRuns: 50 },
      )
    })
  }

  it('changes nothing else, whatever comes', () => {
    const piece = fc.constantFrom('HTTP/1.1 ', '200', '100', '101', ' OK', '\r\n', '\n', '\r', 'X: y', '\0', 'é')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), fc.array(fc.nat(), { maxLength: 8 }), (pieces, places) => {
        const text = pieces.join('')
        const passed = pass(cut(text, places))
        expect(passed.text.replace(LINE, '')).to.equal(text)
        expect(passed.text.length - text.length).to.equal(passed.inserted * LINE.length)
        expect(passed).to.deep.include({ text: whole(text).text })
      }),
      { numRuns: 1000 },
    )
  })

  it('holds interim responses back no longer than they take', () => {
    const insertion = new HeadInsertion(Buffer.from(LINE), () => undefined)
    const interim = 'HTTP/1.1 100 Continue\r\n\r\n'
    expect(insertion.push(Buffer.from(`${interim}HTTP`)).toString()).to.equal(interim)
    expect(insertion.isHolding).to.equal(true)
  })

  it('holds back a head and no more', () => {
    const { held } = pass(cut('HTTP/1.1 200 OK\r\n\r\nhello', [5, 18, 20]))
    expect(held).to.deep.equal([true, true, false, false])
    const { held: long } = pass([Buffer.from('HTTP/1.1 200 OK\r\n'), Buffer.alloc(MOST, 'x'), Buffer.from('x')])
    expect(long).to.deep.equal([true, false, false])
  })
})
