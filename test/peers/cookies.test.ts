import { expect } from 'chai'
import type { CookieOptions } from '../../src/index.ts'
import { AUTO, HttpBackend } from '../cookies/servers.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { runProgram } from '../helpers/programs.ts'
import { Rig } from '../helpers/rig.ts'
import { TEST_MS } from '../helpers/wait.ts'

const NAMES = ['a', 'b', 'c']
let sessions = 0

describe('curl with a cookie jar', function () {
  this.timeout(TEST_MS)
  let curl: string
  let directory: Directory
  let backends: HttpBackend[]

  before(async function () {
    curl = requirePeer(this, 'curl')
    directory = await Directory.make()
  })
  after(() => directory?.[Symbol.asyncDispose]())

  beforeEach(async () => {
    backends = await Promise.all(
      NAMES.map(name =>
        HttpBackend.start(name, ({ headers }, response) => {
          // As an application that has sessions, and puts its route into their names.
          if (!headers.cookie?.includes('sid=')) response.setHeader('Set-Cookie', `sid=s${++sessions}.${name}; Path=/`)
          response.end(name)
        }),
      ),
    )
  })
  afterEach(async () => {
    for (const backend of backends) await backend[Symbol.asyncDispose]()
  })

  for (const cookie of [
    { mode: 'insert', maxAge: '1h' },
    { mode: 'learn', name: 'sid' },
    { mode: 'route', name: 'sid' },
  ] as const satisfies CookieOptions[]) {
    it(`keeps its backend, and gets another one when that dies (${cookie.mode})`, async () => {
      await using rig = await Rig.open(AUTO, {
        backends: backends.map(({ options }) => options),
        // By anything but a cookie it would go to the next one each time.
        pool: { affinity: { key: 'http.header:x-nobody-has-this', fallback: 'random', cookie } },
      })
      const jar = directory.file(`jar-${cookie.mode}`)
      const fetched = async (...paths: string[]): Promise<Set<string>> => {
        const urls = paths.map(path => `http://127.0.0.1:${rig.dial.port}${path}`)
        const text = await runProgram(curl, ['-s', '-b', jar, '-c', jar, '-w', '\n', ...urls])
        return new Set(text.toString().trim().split('\n'))
      }
      // Several on one connection, then one more at a time.
      const [home = ''] = await fetched('/', '/more')
      for (let round = 0; round < 4; round++) expect(await fetched('/')).to.deep.equal(new Set([home]))
      await backends.find(({ name }) => name === home)?.[Symbol.asyncDispose]()
      const [other = ''] = await fetched('/')
      expect(NAMES).to.include(other)
      expect(other).to.not.equal(home)
      if (cookie.mode === 'route') return
      for (let round = 0; round < 4; round++) expect(await fetched('/')).to.deep.equal(new Set([other]))
    })
  }
})
