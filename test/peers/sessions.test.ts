import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { rdpRequest } from '../../src/bench/keys/heads.ts'
import type { KeyOption } from '../../src/index.ts'
import { routingToken } from '../affinity/answers.ts'
import { Directory } from '../helpers/directory.ts'
import { Conn, clientAddress, type Dial } from '../helpers/net.ts'
import { requirePeer } from '../helpers/peers.ts'
import { Program, runProgram } from '../helpers/programs.ts'
import { forEachRelayOnce, type RelayPair } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { Backend, echo } from '../helpers/servers.ts'
import { TEST_MS, until } from '../helpers/wait.ts'

const NAMES = ['a', 'b', 'c']

/** What OpenSSL's client says of a handshake. */
interface Handshake {
  /** The first letter of the session id, which its server has put there. */
  backend: string
  session: string
  /** The server knew the session: it is its own. */
  isReused: boolean
}

/** OpenSSL's servers, without tickets and each with a cache of its own: who comes to another one begins anew. */
class TlsServer implements AsyncDisposable {
  readonly name: string
  readonly program: Program

  private constructor(name: string, program: Program) {
    this.name = name
    this.program = program
  }

  static async start(openssl: string, name: string, pem: string): Promise<TlsServer> {
    const args = ['s_server', '-accept', '127.0.0.1:0', '-no_ticket', '-id_prefix', name, '-cert', pem, '-key', pem]
    // It ends when its standard input does.
    const program = new Program(openssl, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    await program.says(/ACCEPT .*:\d+/)
    return new TlsServer(name, program)
  }

  get address(): string {
    return `127.0.0.1:${/ACCEPT .*:(\d+)/.exec(this.program.output)?.[1]}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]()
  }
}

/**
 * What HAProxy's manual has for sessions of TLS (`stick store-response`) and for RDP (`persist rdp-cookie`). Version 2.6 learns
 * nothing without the delay of the answer, which the manual leaves out.
 */
function configuration(directory: Directory, tls: readonly string[], rdp: readonly string[]): string {
  const servers = (addresses: readonly string[]): string =>
    addresses.map((address, at) => `  server ${NAMES[at]} ${address}`).join('\n')
  return `
defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen tls
  bind unix@${directory.file('tls')}
  balance roundrobin
  stick-table type binary len 32 size 30k expire 30m
  acl clienthello req.ssl_hello_type 1
  acl serverhello res.ssl_hello_type 2
  tcp-request inspect-delay 5s
  tcp-request content accept if clienthello
  tcp-response inspect-delay 5s
  tcp-response content accept if serverhello
  stick on payload_lv(43,1) if clienthello
  stick store-response payload_lv(43,1) if serverhello
${servers(tls)}
listen rdp
  bind unix@${directory.file('rdp')}
  tcp-request inspect-delay 5s
  tcp-request content accept if RDP_COOKIE
  persist rdp-cookie
  balance rdp-cookie
${servers(rdp)}
`
}

describe('keys that are not hashed, beside HAProxy', function () {
  this.timeout(TEST_MS)
  const cleanUps: AsyncDisposable[] = []
  let directory: Directory
  let openssl: string
  let servers: TlsServer[]
  let echoes: Backend[]

  before(async function () {
    const haproxy = requirePeer(this, 'haproxy')
    openssl = requirePeer(this, 'openssl')
    directory = await Directory.make()
    cleanUps.push(directory)
    const pem = directory.file('server.pem')
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    await runProgram(openssl, ['req', '-x509', ...kind, '-subj', '/CN=limpet.test', '-keyout', pem, '-out', pem])
    servers = await Promise.all(NAMES.map(name => TlsServer.start(openssl, name, pem)))
    cleanUps.push(...servers)
    echoes = await Promise.all(NAMES.map(name => Backend.start({ name, serve: echo })))
    cleanUps.push(...echoes)
    const file = directory.file('haproxy.cfg')
    const addresses = [servers, echoes].map(list => list.map(({ address }) => address)) as [string[], string[]]
    await writeFile(file, configuration(directory, ...addresses))
    const program = new Program(haproxy, ['-db', '-f', file])
    cleanUps.push(program)
    const sockets = [directory.file('tls'), directory.file('rdp')]
    await until('HAProxy to listen', () => sockets.every(socket => existsSync(socket)) || !program.isRunning)
    expect(program.isRunning, program.output).to.equal(true)
  })

  after(async () => {
    for (const resource of cleanUps.reverse()) await resource[Symbol.asyncDispose]()
  })

  /** It leaves when the handshake is done: its standard input has ended. */
  async function shakeHands(to: string[], more: string[]): Promise<Handshake> {
    const said = String(await runProgram(openssl, ['s_client', ...to, '-no_ticket', ...more]))
    const session = /Session-ID: ([0-9A-F]*)/.exec(said)?.[1] ?? ''
    const isReused = /^Reused, /m.test(said)
    return { backend: String(Buffer.from(session.slice(0, 2), 'hex')), session, isReused }
  }

  const through = (rig: Rig, address: string): string[] => [
    ...['-connect', `127.0.0.1:${rig.dial.port}`],
    ...['-bind', `${address}:0`],
  ]
  const fresh = (file: string): string[] => ['-tls1_2', '-sess_out', file]
  const again = (file: string): string[] => ['-tls1_2', '-sess_in', file]

  const open = async (pair: RelayPair, key: KeyOption, addresses: readonly string[]): Promise<Rig> =>
    await Rig.open(pair, {
      backends: addresses.map((address, at) => ({ name: NAMES[at] ?? '', address })),
      pool: { affinity: { key }, boundedLoad: 'off' },
      listener: { peek: { timeout: '60s' } },
    })

  /** An address at home at each backend. */
  function addressesOf(rig: Rig): string[] {
    const all = Array.from({ length: 60 }, (_, at) => clientAddress(at + 1))
    const found = NAMES.map(name => all.find(address => rig.balancer.pool().explain(address).home === name))
    return found.filter(address => address !== undefined)
  }

  /** Clients come, and each comes back from where another one was. */
  async function comeAndGo(prefix: string, dials: string[][]): Promise<{ first: Handshake[]; back: Handshake[] }> {
    const first: Handshake[] = []
    const back: Handshake[] = []
    for (const [at, dial] of dials.entries()) {
      first.push(await shakeHands(dial, fresh(directory.file(`${prefix}-${at}`))))
    }
    for (const [at, dial] of [...dials.slice(1), ...dials.slice(0, 1)].entries()) {
      back.push(await shakeHands(dial, again(directory.file(`${prefix}-${at}`))))
    }
    return { first, back }
  }

  function expectAllBack({ first, back }: { first: Handshake[]; back: Handshake[] }): void {
    expect(first.map(({ backend }) => backend).sort()).to.deep.equal(NAMES)
    expect(first.map(({ isReused }) => isReused)).to.deep.equal(NAMES.map(() => false))
    expect(back).to.deep.equal(first.map(handshake => ({ ...handshake, isReused: true })))
  }

  /** Says that, gets it back, and leaves; returns who has served it. */
  async function visit(dial: Dial, line: string): Promise<string | undefined> {
    const before = echoes.map(({ accepted }) => accepted)
    const client = await Conn.open(dial)
    const request = rdpRequest(line)
    await client.send(request)
    expect((await client.read(request.length)).equals(request)).to.equal(true)
    client.destroy()
    return echoes.find(({ accepted }, at) => accepted > (before[at] ?? 0))?.name
  }

  it('brings every session of TLS 1.2 back through HAProxy', async () => {
    const dial = ['-unix', directory.file('tls')]
    expectAllBack(
      await comeAndGo(
        'haproxy',
        NAMES.map(() => dial),
      ),
    )
  })

  forEachRelayOnce('and Limpet', pair => {
    const addresses = (list: { address: string }[]): string[] => list.map(({ address }) => address)

    it('brings every session of TLS 1.2 back, too', async () => {
      await using rig = await open(pair, 'tls.sessionId', addresses(servers))
      const dials = addressesOf(rig).map(address => through(rig, address))
      expectAllBack(await comeAndGo(`limpet-${pair.relay}`, dials))
      expect(rig.counters.keyFound).to.equal(NAMES.length)
    })

    it('loses them without that key', async () => {
      await using rig = await open(pair, 'source', addresses(servers))
      const dials = addressesOf(rig).map(address => through(rig, address))
      const { back } = await comeAndGo(`none-${pair.relay}`, dials)
      expect(back.map(({ isReused }) => isReused)).to.deep.equal(NAMES.map(() => false))
    })

    it('learns nothing from TLS 1.3', async () => {
      await using rig = await open(pair, 'tls.sessionId', addresses(servers))
      await shakeHands(through(rig, '127.0.0.1'), ['-tls1_3'])
      expect(rig.counters.keyMissing).to.equal(1)
      // That of its address.
      expect(rig.stats.pools[rig.pool]?.table?.entries).to.equal(1)
    })

    it('leads routing tokens of RDP where HAProxy leads them', async () => {
      await using rig = await open(pair, 'rdp.token', addresses(echoes))
      for (const { port, name } of [...echoes, ...echoes]) {
        const token = routingToken('127.0.0.1', port)
        const led = [await visit(rig.dial, token), await visit({ path: directory.file('rdp') }, token)]
        expect(led).to.deep.equal([name, name])
      }
    })
  })
})
