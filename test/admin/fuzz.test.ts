import { once } from 'node:events'
import { expect } from 'chai'
import fc from 'fast-check'
import { LIMITS } from '../../src/admin/limits.ts'
import type { Balancer } from '../../src/balancer.ts'
import { within } from '../helpers/wait.ts'
import { cleanUp } from '../lifecycle/helpers.ts'
import { type AdminClient, openAdmin } from './helpers.ts'

const RUNS = 300
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
const NAMES = ['p', 'a', 'b', 'c', '__proto__', 'constructor', 'toString', '..', '.', '', '%', '%2F', '%00', '%ff', 'é']

const segment = fc.oneof(
  fc.constantFrom('v1', 'pools', 'backends', 'explain', 'reload', 'status', 'config', 'livez', ...NAMES),
  fc.string({ maxLength: 20 }).map(encodeURIComponent),
)
const query = fc.oneof(
  fc.constantFrom(
    '',
    '?',
    '?address=192.0.2.1',
    '?address=',
    '?address=%ff',
    '?address=1&address=2',
    '?__proto__=1',
    '?a[b]=c',
  ),
  fc.string({ maxLength: 20 }).map(text => `?${encodeURIComponent(text)}`),
)
const anyPath = fc
  .tuple(fc.array(segment, { maxLength: 7 }), query)
  .map(([segments, query]) => `/${segments.join('/')}${query}`)
const knownPath = fc
  .tuple(
    fc.constantFrom('/v1/pools/p/backends', '/v1/pools/p/backends/a', '/v1/pools/p/backends/b', '/v1/reload'),
    query,
  )
  .map(([path, query]) => `${path}${query}`)
const path = fc
  .oneof(anyPath, knownPath)
  // A stream does not end, and a reload is no matter here.
  .filter(path => !path.startsWith('/v1/events') && !path.startsWith('/v1/log'))

const key = fc.constantFrom('name', 'address', 'weight', 'maxSessions', 'state', '__proto__', 'constructor', 'x')
const value = fc.oneof(
  fc.constantFrom(
    'a',
    'd',
    'drain',
    'ready',
    '127.0.0.1:1',
    '[::1]:1',
    'unix:/x',
    'host.test:1',
    0,
    1,
    -1,
    65_535,
    1e9,
    0.5,
  ),
  fc.jsonValue({ maxDepth: 3 }),
)
const body = fc.oneof(
  fc.dictionary(key, value, { noNullPrototype: true }).map(found => JSON.stringify(found)),
  fc.json({ maxDepth: 4 }),
  fc.string({ maxLength: 100 }),
  fc.constantFrom(
    '[',
    '['.repeat(60_000),
    '{"a":'.repeat(10_000),
    `"${'x'.repeat(60_000)}"`,
    ' '.repeat(LIMITS.body + 1),
  ),
  fc.uint8Array({ maxLength: 100 }).map(bytes => Buffer.from(bytes)),
)
const type = fc.constantFrom(
  'application/json',
  'application/json',
  'application/json',
  'text/plain',
  'application/json;x',
)

/** Everything that can be changed. */
function stateOf(balancer: Balancer): string {
  return JSON.stringify([balancer.generation, balancer.settings(), balancer.pool().digest])
}

async function expectAlive(client: AdminClient): Promise<void> {
  expect((await client.ask('GET', '/livez')).text).to.equal('ok\n')
}

describe('admin API: whatever is sent', () => {
  let balancer: Balancer
  let client: AdminClient

  beforeEach(async () => {
    const opened = await openAdmin({
      listen: { reload: async () => ({ generation: 0, added: [], updated: [], removed: [], settings: [] }) },
    })
    balancer = opened.balancer
    client = opened.client
  })
  afterEach(cleanUp)

  it('is done or refused with a reason, and what is refused changes nothing', async () => {
    const request = fc.record({ method: fc.constantFrom(...METHODS), path, body, type })
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, body, type }) => {
        const before = stateOf(balancer)
        const asked = method === 'GET' ? {} : { raw: body, headers: { 'content-type': type } }
        const { status, text } = await client.ask(method, path, asked)
        expect(status, text).to.be.lessThan(500)
        if (status < 400) return
        const { error } = JSON.parse(text) as { error: { code: string; message: string } }
        expect(error.code).to.match(/^LIMPET_ERR_/)
        expect(error.message).to.be.a('string').that.is.not.equal('')
        expect(stateOf(balancer)).to.equal(before)
      }),
      { numRuns: RUNS },
    )
    await expectAlive(client)
  })

  it('is survived if it is no HTTP at all', async () => {
    const line = fc.oneof(
      fc.string({ maxLength: 50 }),
      fc.constantFrom(
        'GET / HTTP/1.1',
        'Host: localhost',
        'Content-Length: -1',
        'Transfer-Encoding: chunked',
        'Upgrade: h2c',
      ),
      fc.constantFrom('CONNECT x:1 HTTP/1.1', 'PRI * HTTP/2.0', 'Expect: 100-continue', 'Connection: Upgrade', ''),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 10 }), async lines => {
        const before = stateOf(balancer)
        const socket = await client.connect()
        const closed = once(socket.resume(), 'close')
        socket.end(`${lines.join('\r\n')}\r\n\r\n`)
        await within('the end of the connection', closed)
        expect(stateOf(balancer)).to.equal(before)
      }),
      { numRuns: RUNS },
    )
    await expectAlive(client)
  })
})
