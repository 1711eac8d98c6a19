import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect } from 'chai'
import type { HealthOptions } from '../../../src/config/options.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { CheckFailure, type CheckOutgoing } from '../../../src/health/check.ts'
import { checkOf } from '../../../src/health/checks/index.ts'
import { decodeProxy } from '../../../src/protocol/proxy.ts'
import { within } from '../../helpers/wait.ts'
import { HERMETIC } from '../config/helpers.ts'

/** What a check sends first, and from where it came. */
interface Seen {
  bytes: Buffer
  from: string | undefined
}

/** Lets a server hear a check, which then fails or not, until it has sent so many bytes. */
async function heard(health: HealthOptions, outgoing: CheckOutgoing, bytes: number): Promise<Seen> {
  const options = { pools: { p: { health: { timeout: '10s', ...health } } } }
  const settings = resolveOptions(options, HERMETIC).pools.get('p')?.health ?? expect.fail('there are no checks')
  const stop = new AbortController()
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const endpoint = { kind: 'ip', host: '127.0.0.1', port, family: 4, needsLookup: false } as const
  const came = new Promise<Seen>(resolve => {
    server.once('connection', socket => {
      let read = Buffer.alloc(0)
      // The check ends as soon as it was heard.
      socket
        .on('error', () => undefined)
        .on('data', (chunk: Buffer) => {
          read = Buffer.concat([read, chunk])
          if (read.length >= bytes) resolve({ bytes: read, from: socket.remoteAddress })
        })
    })
  })
  const check = checkOf(settings)
    .check({ endpoint, hostName: undefined, outgoing }, stop.signal)
    .catch((error: unknown) => {
      if (!(error instanceof CheckFailure)) throw error
    })
  try {
    return await within('what a check sends', came)
  } finally {
    stop.abort()
    await check
    server.close()
    await once(server, 'close')
  }
}

/** What the types of checks say first. */
const FIRST: readonly [HealthOptions, string][] = [
  [{ type: 'tcp' }, ''],
  [{ type: 'http' }, 'GET / HTTP/1.1\r\n'],
  [{ type: 'tls' }, '\x16\x03'],
  [{ type: 'https' }, '\x16\x03'],
  [{ type: 'expect', steps: [{ send: 'hello' }, { expect: 'you' }] }, 'hello'],
  [{ type: 'expect', tls: {}, steps: [{ send: 'hello' }, { expect: 'you' }] }, '\x16\x03'],
  [{ type: 'redis' }, 'PING\r\n'],
  [{ type: 'postgres' }, '\x00\x00\x00'],
  [{ type: 'mqtt' }, '\x10\x0c\x00\x04MQTT'],
  // These wait for the server's first word.
  [{ type: 'mysql' }, ''],
  [{ type: 'smtp' }, ''],
]

describe('health checks of backends that want a PROXY protocol header', () => {
  for (const [health, first] of FIRST) {
    it(`${health.type}${health.tls === undefined ? '' : ' by TLS'}: nobody's header, then the check`, async () => {
      for (const version of [1, 2] as const) {
        const outgoing = { sendProxy: { version, tlvs: [] }, sources: [] }
        const size = version === 1 ? 'PROXY UNKNOWN\r\n'.length : 16
        const { bytes } = await heard(health, outgoing, size + first.length)
        const verdict = decodeProxy(bytes)
        if (verdict.status !== 'complete') return expect.fail(`${verdict.status}: ${bytes.toString('latin1')}`)
        expect(verdict).to.include({ length: size })
        expect(verdict.header).to.not.have.property('source')
        expect(verdict.header).to.include({ version, command: version === 1 ? 'proxy' : 'local' })
        expect(bytes.toString('latin1', size, size + first.length)).to.equal(first)
      }
    })
  }

  it('with a checksum, where sessions have one', async () => {
    const outgoing = { sendProxy: { version: 2, tlvs: ['uniqueId', 'crc32c'] }, sources: [] } as const
    const { bytes } = await heard({ type: 'tcp' }, outgoing, 23)
    expect(decodeProxy(bytes)).to.include({ status: 'complete', length: 23 })
  })

  it('come from the addresses of the pool, in turn', async () => {
    const outgoing = { sendProxy: undefined, sources: ['127.0.0.77', '::1', '127.0.0.78'] }
    const from = new Set<string | undefined>()
    for (const health of [{ type: 'http' }, { type: 'redis' }, { type: 'tls' }, { type: 'https' }] as const)
      from.add((await heard(health, outgoing, 3)).from)
    expect(from).to.deep.equal(new Set(['127.0.0.77', '127.0.0.78']))
  })
})
