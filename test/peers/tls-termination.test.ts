import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import type { ListenerTlsOptions, PoolOptions } from '../../src/index.ts'
import { Certificates } from '../helpers/certificates.ts'
import { requirePeer } from '../helpers/peers.ts'
import { runProgram } from '../helpers/programs.ts'
import type { RelayPair } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { TEST_MS } from '../helpers/wait.ts'

const AUTO: RelayPair = { name: 'auto', listener: { acceptor: 'auto', relay: 'auto' }, relay: 'stream' }
const NAMES = ['a', 'b', 'c']

describe('TLS that ends here, with real clients', function () {
  this.timeout(TEST_MS)
  let made: Certificates
  let openssl: string
  let curl: string

  before(async function () {
    openssl = requirePeer(this, 'openssl')
    curl = requirePeer(this, 'curl')
    made = await Certificates.make(this)
    await made.add('ca')
    await made.add('one', { names: ['one.test'], by: 'ca' })
    await made.add('two', { names: ['two.test'], by: 'ca' })
    await made.add('ann', { by: 'ca', subject: '/O=Example, Inc./OU=Öl/CN=ann' })
  })

  after(async () => {
    await made?.[Symbol.asyncDispose]()
  })

  /** A balancer over HTTP servers, each of which says its name and what it was asked for. */
  async function open(
    stack: AsyncDisposable[],
    tls: Partial<ListenerTlsOptions>,
    pool: Omit<PoolOptions, 'backends'>,
  ): Promise<Rig> {
    const backends = await Promise.all(
      NAMES.map(async name => {
        const server = createServer((request, response) => response.end(`${name} ${request.url}\n`))
        await once(server.listen(0, '127.0.0.1'), 'listening')
        stack.push({
          [Symbol.asyncDispose]: async () => {
            server.closeAllConnections()
            await new Promise(resolve => server.close(resolve))
          },
        })
        return { name, address: `127.0.0.1:${(server.address() as AddressInfo).port}` }
      }),
    )
    const certificates = [made.pair('one'), made.pair('two')]
    const rig = await Rig.open(AUTO, { backends, pool, listener: { tls: { certificates, ...tls } } })
    stack.push(rig)
    return rig
  }

  async function sheltered(body: (stack: AsyncDisposable[]) => Promise<void>): Promise<void> {
    const stack: AsyncDisposable[] = []
    try {
      await body(stack)
    } finally {
      for (const one of stack.reverse()) await one[Symbol.asyncDispose]()
    }
  }

  it('shows openssl s_client the certificate of each name, in TLS 1.2 and 1.3', async () => {
    await sheltered(async stack => {
      const rig = await open(stack, {}, {})
      for (const version of ['-tls1_2', '-tls1_3']) {
        for (const name of ['one', 'two']) {
          const at = ['-connect', `127.0.0.1:${rig.dial.port}`, '-servername', `${name}.test`, version]
          const proof = ['-CAfile', made.cert('ca'), '-verify_hostname', `${name}.test`, '-verify_return_error']
          const said = (await runProgram(openssl, ['s_client', ...at, ...proof])).toString()
          expect(said).to.contain('Verify return code: 0 (ok)')
          expect(said).to.match(new RegExp(`subject=.*${name}`))
        }
      }
    })
  })

  it('keeps curl at one backend by its certificate, whose subject is as openssl writes it', async () => {
    await sheltered(async stack => {
      const pool = { affinity: { key: 'tls.clientSubject', fallback: 'refuse' }, boundedLoad: 'off' } as const
      const rig = await open(stack, { clientCa: made.cert('ca'), alpn: ['http/1.1'] }, pool)
      const { port } = rig.dial
      const files = ['--cacert', made.cert('ca'), '--cert', made.cert('ann'), '--key', made.key('ann')]
      const homes = new Set<string>()
      for (const from of ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5']) {
        const at = ['--resolve', `two.test:${port}:127.0.0.1`, '--interface', from, `https://two.test:${port}/path`]
        const [name, path] = (await runProgram(curl, ['-sS', ...files, ...at])).toString().trim().split(' ')
        expect(path).to.equal('/path')
        homes.add(name ?? '')
      }
      const shown = ['x509', '-in', made.cert('ann'), '-noout', '-subject', '-nameopt', 'RFC2253,-esc_msb']
      const subject = (await runProgram(openssl, shown))
        .toString()
        .trim()
        .replace(/^subject=/, '')
      const { home } = rig.balancer.pool().explain(Buffer.from(subject))
      expect([...homes], subject).to.deep.equal([home])
    })
  })
})
