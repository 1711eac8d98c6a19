import { expect } from 'chai'
import fc from 'fast-check'
import { HttpObserver } from '../../../src/cookies/http-observer.ts'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'
const setting = (value: string, fields = 'Content-Length: 0\r\n', status = '200 OK'): string =>
  `HTTP/1.1 ${status}\r\nSet-Cookie: sid=${value}\r\n${fields}\r\n`

/** What either side says, in turns. */
type Talk = readonly (readonly [side: 'client' | 'backend', text: string])[]

interface Observed {
  cookies: string[]
  isReading: boolean
  hasFailed: boolean
}

function observe(talk: Talk, pieceBytes = Number.POSITIVE_INFINITY): Observed {
  const cookies: string[] = []
  const observer = new HttpObserver({ setCookie: field => cookies.push(field), readsLater: true })
  for (const [side, text] of talk) {
    const bytes = Buffer.from(text, 'latin1')
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes)
      if (side === 'client') observer.sent(piece)
      else observer.answered(piece)
    }
  }
  return { cookies, isReading: observer.isReading, hasFailed: observer.hasFailed }
}

const TALKS: readonly [name: string, talk: Talk, cookies: string[]][] = [
  [
    'the first response',
    [
      ['client', GET],
      ['backend', setting('1')],
    ],
    ['sid=1'],
  ],
  [
    'a login on a connection that is kept alive',
    [
      ['client', GET],
      ['backend', OK],
      ['client', GET],
      ['backend', setting('1')],
    ],
    ['sid=1'],
  ],
  [
    'several fields',
    [
      ['client', GET],
      ['backend', 'HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nSET-COOKIE: b=2; Path=/\r\nContent-Length: 0\r\n\r\n'],
    ],
    ['a=1', 'b=2; Path=/'],
  ],
  [
    'pipelined requests',
    [
      ['client', GET + GET],
      ['backend', OK + setting('1')],
    ],
    ['sid=1'],
  ],
  [
    'a response to HEAD, which has a length and no body',
    [
      ['client', `HEAD / HTTP/1.1\r\n\r\n${GET}`],
      ['backend', `${setting('1', 'Content-Length: 500\r\n')}${setting('2')}`],
    ],
    ['sid=1', 'sid=2'],
  ],
  [
    'what follows 304 with a length, and 204',
    [
      ['client', GET + GET + GET],
      ['backend', `HTTP/1.1 304 X\r\nContent-Length: 500\r\n\r\n${setting('1', '', '204 X')}${setting('2')}`],
    ],
    ['sid=1', 'sid=2'],
  ],
  [
    'what follows interim responses, which belong to no request',
    [
      ['client', `HEAD / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n${GET}`],
      [
        'backend',
        `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nLink: y\r\n\r\n${setting('1', 'Content-Length: 9\r\n')}${OK}${''}`,
      ],
      ['client', GET],
      ['backend', setting('2')],
    ],
    ['sid=1', 'sid=2'],
  ],
  [
    'what follows chunks and their trailers',
    [
      ['client', GET + GET],
      [
        'backend',
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n\r\n\r\r\n0\r\nSet-Cookie: t=1\r\n\r\n${setting('1')}`,
      ],
    ],
    ['sid=1'],
  ],
  [
    'what follows a body that looks like a response',
    [
      ['client', GET + GET],
      ['backend', `HTTP/1.1 200 OK\r\nContent-Length: ${setting('no').length}\r\n\r\n${setting('no')}${setting('1')}`],
    ],
    ['sid=1'],
  ],
  [
    'what follows a body of a request that looks like one',
    [
      ['client', `POST / HTTP/1.1\r\nContent-Length: 19\r\n\r\nHEAD / HTTP/1.1\r\n\r\n${GET}`],
      ['backend', `${OK}${setting('1')}`],
    ],
    ['sid=1'],
  ],
  [
    'a response without length',
    [
      ['client', GET],
      ['backend', `${setting('1', '')}hi${setting('no')}`],
    ],
    ['sid=1'],
  ],
  [
    'HTTP/1.0',
    [
      ['client', 'GET / HTTP/1.0\r\n\r\n'],
      ['backend', 'HTTP/1.0 200 OK\r\nSet-Cookie: sid=1\r\n\r\nhi'],
    ],
    ['sid=1'],
  ],
  [
    'a request to change the protocol that was refused',
    [
      ['client', 'GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
      ['client', 'HEAD / HTTP/1.1\r\n\r\n'],
      ['backend', `${OK}${setting('1', 'Content-Length: 9\r\n')}`],
      ['client', GET],
      ['backend', setting('2')],
    ],
    ['sid=1', 'sid=2'],
  ],
  [
    'a CONNECT that was refused',
    [
      ['client', `CONNECT x:1 HTTP/1.1\r\n\r\n${GET}`],
      ['backend', `HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n${setting('1')}`],
    ],
    ['sid=1'],
  ],
]

const FOREIGN: readonly [name: string, talk: Talk, cookies: string[]][] = [
  [
    'a head with bytes that are not ASCII, of which some would be line ends and colons there',
    [
      ['client', `GET / HTTP/1.1\r\nX: \xc4\x8d \x8a \xba\r\n\r\n`],
      ['backend', setting('\xc3\xa0', 'X: \xc4\x8d\r\nContent-Length: 0\r\n')],
    ],
    ['sid=\xc3\xa0'],
  ],
  [
    'a body whose length a field only seems to tell',
    [
      ['client', GET + GET],
      [
        'backend',
        `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\ttransfer-encoding: chunked\r\n\r\nhi${setting('1')}`,
      ],
    ],
    ['sid=1'],
  ],
  [
    'fields on several lines, however much space is on them',
    [
      ['client', `GET / HTTP/1.1\r\nX: y\r\n${' '.repeat(60_000)}\r\n\r\n`],
      ['backend', `HTTP/1.1 200 OK\r\nSet-Cookie:\r\n sid=1;\r\n\t Path=/ \r\nContent-Length: 0\r\n\r\n`],
    ],
    ['sid=1; Path=/'],
  ],
]

const OVER: readonly [name: string, talk: Talk, cookies: string[]][] = [
  [
    '101, whose own fields count',
    [
      ['client', 'GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
      [
        'backend',
        `HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSet-Cookie: sid=1\r\n\r\n${setting('no')}`,
      ],
      ['client', '\x81\x00'],
      ['backend', setting('no')],
    ],
    ['sid=1'],
  ],
  [
    'a tunnel',
    [
      ['client', 'CONNECT x:1 HTTP/1.1\r\n\r\n'],
      ['backend', `HTTP/1.1 200 OK\r\n\r\n${setting('no')}`],
    ],
    [],
  ],
]

const FAULTS: readonly [name: string, talk: Talk][] = [
  ['a client that speaks HTTP/2', [['client', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']]],
  ['a client that speaks something else', [['client', '\x16\x03\x01\n']]],
  ['a client that speaks something else without lines', [['client', '\x16\x03\x01']]],
  [
    'a server that speaks something else without lines',
    [
      ['client', GET],
      ['backend', '\x15'],
    ],
  ],
  ...['-6', '0x2', 'x', '', '1 2', 'fffffffffffffff'].map((size): (typeof FAULTS)[number] => [
    `a chunk of the size ${JSON.stringify(size)}`,
    [['client', `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${size}\r\nx`]],
  ]),
  ...[' ', '\xd4'].map((letter): (typeof FAULTS)[number] => [
    `a line of a head that is no field, with ${JSON.stringify(letter)}`,
    [['client', `POST / HTTP/1.1\r\n${letter}Transfer-Encoding${letter}: chunked\r\n\r\n`]],
  ]),
  ['a length and a coding', [['client', 'POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n']]],
  [
    'a server that speaks something else',
    [
      ['client', GET],
      ['backend', 'SSH-2.0-x\r\n'],
    ],
  ],
  [
    'a length that is no number',
    [
      ['client', GET],
      ['backend', 'HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n'],
    ],
  ],
  [
    'two lengths',
    [
      ['client', GET],
      ['backend', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ],
  ],
  [
    'a coding that is not known',
    [
      ['client', GET],
      ['backend', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, x\r\n\r\n'],
    ],
  ],
  [
    'a head without end',
    [
      ['client', GET],
      ['backend', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`],
    ],
  ],
  [
    'a line of a chunk without end',
    [
      ['client', GET],
      ['backend', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n`],
      ['backend', '1'.repeat(70_000)],
    ],
  ],
  ['too many requests at once', [['client', GET.repeat(1025)]]],
  [
    'too much behind a request to change the protocol',
    [
      ['client', `CONNECT x:1 HTTP/1.1\r\n\r\n`],
      ['client', 'x'.repeat(70_000)],
    ],
  ],
]

describe('observing a connection of HTTP', () => {
  for (const [name, talk, cookies] of TALKS) {
    it(`sees the cookies of ${name}, however it is cut`, () => {
      expect(observe(talk)).to.deep.equal({ cookies, isReading: true, hasFailed: false })
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 100 }), pieceBytes => {
          expect(observe(talk, pieceBytes).cookies).to.deep.equal(cookies)
        }),
        { numRuns: 30 },
      )
    })
  }

  for (const [name, talk, cookies] of FOREIGN) {
    it(`sees the cookies behind ${name}`, () => {
      expect(observe(talk, 1)).to.deep.equal({ cookies, isReading: true, hasFailed: false })
      expect(observe(talk)).to.deep.equal({ cookies, isReading: true, hasFailed: false })
    })
  }

  for (const [name, talk, cookies] of OVER) {
    it(`ends with ${name}`, () => {
      for (const pieceBytes of [1, 7, Number.POSITIVE_INFINITY])
        expect(observe(talk, pieceBytes)).to.deep.equal({ cookies, isReading: false, hasFailed: false })
    })
  }

  for (const [name, talk] of FAULTS) {
    it(`gives up at ${name}`, () => {
      for (const pieceBytes of [1, 1000, Number.POSITIVE_INFINITY])
        expect(observe(talk, pieceBytes)).to.deep.equal({ cookies: [], isReading: false, hasFailed: true })
    })
  }

  it('never throws, whatever comes', () => {
    const piece = fc.constantFrom(
      GET,
      OK,
      'HEAD ',
      'HTTP/1.1 200',
      '\r\n',
      '\n',
      'Content-Length: ',
      '5',
      'Transfer-Encoding: chunked',
      '-6',
      ' ',
      '\0',
      'x',
    )
    const talk = fc.array(fc.tuple(fc.constantFrom('client' as const, 'backend' as const), piece), { maxLength: 30 })
    fc.assert(fc.property(talk, fc.integer({ min: 1, max: 40 }), (said, pieceBytes) => void observe(said, pieceBytes)))
  })
})
