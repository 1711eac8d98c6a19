import { expect } from 'chai'
import fc from 'fast-check'
import { HeadRewrite } from '../../../src/cookies/head-rewrite.ts'
import { HttpObserver } from '../../../src/cookies/http-observer.ts'
import { withoutPrefix, withPrefix } from '../../../src/cookies/prefix.ts'

const PREFIX = { name: 'sid', separator: '~' }
const isBackend = (name: string): boolean => ['a', 'b', 'eu~a'].includes(name)
const answered = (head: string): string => withPrefix(PREFIX, 'a', head)
const asked = (head: string): string => withoutPrefix(PREFIX, isBackend, head)

describe("a backend's name before the value of a cookie", () => {
  it('is put there where the cookie is set', () => {
    for (const [field, changed] of [
      ['Set-Cookie: sid=7', 'Set-Cookie: sid=a~7'],
      ['set-cookie:sid = 7; Path=/; HttpOnly', 'set-cookie:sid =a~7; Path=/; HttpOnly'],
      ['Set-Cookie: sid=7; Max-Age=60', 'Set-Cookie: sid=a~7; Max-Age=60'],
      ['Set-Cookie: sid=; Max-Age=0', 'Set-Cookie: sid=; Max-Age=0'],
      ['Set-Cookie: other=7', 'Set-Cookie: other=7'],
      ['X-Set-Cookie: sid=7', 'X-Set-Cookie: sid=7'],
      ['Set-Cookie:\r\n sid=7;\r\n Path=/', 'Set-Cookie:\r\n sid=a~7;\r\n Path=/'],
      ['Set-Cookie: sid="7"', 'Set-Cookie: sid=a~"7"'],
    ] as const) {
      const [head, wanted] = [field, changed].map(text => `HTTP/1.1 200 OK\r\nX: y\r\n${text}\r\nZ: \xe9\r\n\r\n`)
      expect(answered(head ?? '')).to.equal(wanted)
    }
  })

  it('is taken from there where it is sent', () => {
    for (const [pairs, changed] of [
      ['sid=a~7', 'sid=7'],
      ['sid=a~\xc3\xa0', 'sid=\xc3\xa0'],
      ['xsid=a~7; sidx=a~7; s=a~7', 'xsid=a~7; sidx=a~7; s=a~7'],
      ['x=1;\r\n sid=a~7', 'x=1;\r\n sid=7'],
      ['x=a~1; sid=b~7~8; y=a~2', 'x=a~1; sid=7~8; y=a~2'],
      ['sid=eu~a~7', 'sid=7'],
      ['sid=gone~7', 'sid=7'],
      ['sid=a~1;sid=b~2', 'sid=1;sid=2'],
      ['sid=7', 'sid=7'],
      ['sid', 'sid'],
      ['SID=a~7', 'SID=a~7'],
    ] as const) {
      const [head, wanted] = [pairs, changed].map(
        text => `GET /?sid=a~7 HTTP/1.1\r\ncookie: ${text}\r\nX: \xe9\r\n\r\n`,
      )
      expect(asked(head ?? '')).to.equal(wanted)
    }
  })
})

/** What either side says, and what becomes of it. */
type Talk = readonly (readonly [side: 'client' | 'backend', text: string, passed: string])[]

const GET = 'GET / HTTP/1.1\r\nCookie: sid=a~7\r\n\r\n'
const GOT = 'GET / HTTP/1.1\r\nCookie: sid=7\r\n\r\n'
const SET = 'HTTP/1.1 200 OK\r\nSet-Cookie: sid=7\r\nContent-Length: 2\r\n\r\nhi'
const WITH = 'HTTP/1.1 200 OK\r\nSet-Cookie: sid=a~7\r\nContent-Length: 2\r\n\r\nhi'
const BODY = 'Cookie: sid=a~7\r\n\r\nSet-Cookie: sid=7\r\n\r\n'
const CHUNKS = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\nSet-Cookie: sid=7\r\n\r\n`

const TALKS: readonly [name: string, talk: Talk][] = [
  [
    'one after the other',
    [
      ['client', GET, GOT],
      ['backend', SET, WITH],
      ['client', GET, GOT],
      ['backend', SET, WITH],
    ],
  ],
  [
    'several at once',
    [
      ['client', GET + GET, GOT + GOT],
      ['backend', SET + SET, WITH + WITH],
    ],
  ],
  [
    'bodies that look like heads',
    [
      [
        'client',
        `POST / HTTP/1.1\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}${GET}`,
        `POST / HTTP/1.1\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}${GOT}`,
      ],
      [
        'backend',
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}${SET}`,
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKS}${WITH}`,
      ],
    ],
  ],
  [
    'HEAD, interim responses, and 304',
    [
      ['client', `HEAD / HTTP/1.1\r\n\r\n${GET}${GET}`, `HEAD / HTTP/1.1\r\n\r\n${GOT}${GOT}`],
      [
        'backend',
        `HTTP/1.1 100 Continue\r\n\r\n${SET.slice(0, -2)}HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n${SET}`,
        `HTTP/1.1 100 Continue\r\n\r\n${WITH.slice(0, -2)}HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n${WITH}`,
      ],
    ],
  ],
  [
    'another protocol behind 101',
    [
      [
        'client',
        `GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\nCookie: sid=a~7\r\n\r\n`,
        `GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\nCookie: sid=7\r\n\r\n`,
      ],
      [
        'backend',
        `HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\nSet-Cookie: sid=7\r\n\r\n${SET}`,
        `HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\nSet-Cookie: sid=a~7\r\n\r\n${SET}`,
      ],
      ['client', GET, GET],
      ['backend', SET, SET],
    ],
  ],
  [
    'what is no HTTP',
    [
      ['client', GET, GOT],
      ['backend', 'SSH-2.0-x\r\n', 'SSH-2.0-x\r\n'],
      ['client', GET, GET],
      ['backend', SET, SET],
    ],
  ],
  [
    'heads that do not end',
    [
      ['client', 'GET / HTTP/1.1\r\nCookie: sid=a~7', 'GET / HTTP/1.1\r\nCookie: sid=a~7'],
      ['backend', 'HTTP/1.1 200', 'HTTP/1.1 200'],
    ],
  ],
  [
    'what follows a request to change the protocol before its answer',
    [
      ['client', `CONNECT x:1 HTTP/1.1\r\n\r\n`, `CONNECT x:1 HTTP/1.1\r\n\r\n`],
      ['client', GET, GET],
      ['backend', SET, SET],
    ],
  ],
]

describe('heads that are rewritten', () => {
  const pass = (talk: Talk, pieceBytes: number): string[] => {
    const observer = new HttpObserver({ readsLater: false })
    const isReading = (): boolean => observer.isReading
    const filters = {
      client: new HeadRewrite({ read: chunk => observer.sent(chunk), isReading }, asked),
      backend: new HeadRewrite({ read: chunk => observer.answered(chunk), isReading }, answered),
    }
    const passed = { client: '', backend: '' }
    for (const [side, text] of talk) {
      const bytes = Buffer.from(text, 'latin1')
      for (let at = 0; at < bytes.length; at += pieceBytes)
        passed[side] += filters[side].push(bytes.subarray(at, at + pieceBytes)).toString('latin1')
    }
    for (const side of ['client', 'backend'] as const) passed[side] += filters[side].end().toString('latin1')
    return [passed.client, passed.backend]
  }
  const all = (talk: Talk, wanted: 'client' | 'backend'): string =>
    talk.map(([side, , passed]) => (side === wanted ? passed : '')).join('')

  for (const [name, talk] of TALKS) {
    it(`change nothing but the cookie: ${name}`, () => {
      for (let pieceBytes = 1; pieceBytes < 80; pieceBytes++)
        expect(pass(talk, pieceBytes), `${pieceBytes}`).to.deep.equal([all(talk, 'client'), all(talk, 'backend')])
      expect(pass(talk, 1000)).to.deep.equal([all(talk, 'client'), all(talk, 'backend')])
    })
  }

  it('keep nothing back of another protocol, which may wait for an answer in the middle of a line', () => {
    for (const [said, isAtOnce] of [
      ['\x16\x03\x01\x00', true],
      ['GET / HTTP/1.1', false],
    ] as const) {
      const observer = new HttpObserver({ readsLater: false })
      const reader = { read: (chunk: Buffer) => observer.sent(chunk), isReading: () => observer.isReading }
      const filter = new HeadRewrite(reader, asked)
      expect(filter.push(Buffer.from(said, 'latin1')).toString('latin1')).to.equal(isAtOnce ? said : '')
      expect(filter.isHolding).to.equal(!isAtOnce)
    }
  })

  it('lose no byte, whatever comes', () => {
    const piece = fc.constantFrom(
      'GET / HTTP/1.1',
      'HTTP/1.1 200 OK',
      '\r\n',
      '\n',
      'Content-Length: 5',
      'Transfer-Encoding: chunked',
      '5',
      '\0x',
    )
    const said = fc.array(fc.tuple(fc.constantFrom('client' as const, 'backend' as const), piece), { maxLength: 40 })
    fc.assert(
      fc.property(said, fc.integer({ min: 1, max: 40 }), (pieces, pieceBytes) => {
        const talk = pieces.map(([side, text]) => [side, text, text] as const)
        expect(pass(talk, pieceBytes)).to.deep.equal([all(talk, 'client'), all(talk, 'backend')])
      }),
    )
  })
})
