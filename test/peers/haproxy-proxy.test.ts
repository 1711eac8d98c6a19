import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { expect } from 'chai'
import {
  decodeProxy,
  encodeProxy,
  PROXY_TLV,
  type ProxyEndpoint,
  type ProxyHeader,
  type ProxySettings,
} from '../../src/protocol/proxy.ts'
import { Directory } from '../helpers/directory.ts'
import { Conn } from '../helpers/net.ts'
import { requirePeer } from '../helpers/peers.ts'
import { Program, runProgram } from '../helpers/programs.ts'
import { TEST_MS, until, within } from '../helpers/wait.ts'

const IPV4 = { source: end('192.0.2.1', 1234), destination: end('198.51.100.2', 443) }
const IPV6 = { source: end('2001:db8::1', 65_535), destination: end('2001:db8::2', 1) }

/** What HAProxy does with a connection: the name of its socket, and the options of the server behind it. */
const SENDERS = {
  v1: 'send-proxy',
  v2: 'send-proxy-v2',
  checksum: 'send-proxy-v2 proxy-v2-options crc32c',
  all: 'send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id',
} as const
const CHECKS = { check1: 'send-proxy', check2: 'send-proxy-v2' } as const

// All sockets are unix sockets: no ports that others could take, and every address is one that a header gave.
describe('HAProxy and the PROXY protocol', function () {
  this.timeout(TEST_MS)
  let directory: Directory
  let backend: Heads
  let program: Program
  const socket = (name: string): string => directory.file(name)

  before(async function () {
    const haproxy = requirePeer(this, 'haproxy')
    const openssl = requirePeer(this, 'openssl')
    directory = await Directory.make()
    const [key, cert] = [directory.file('cert.pem.key'), directory.file('cert.pem')]
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    await runProgram(openssl, ['req', '-x509', ...kind, '-subj', '/CN=limpet.test', '-keyout', key, '-out', cert])
    backend = await Heads.listen(socket('backend'))
    const file = directory.file('haproxy.cfg')
    await writeFile(file, configuration(directory))
    program = new Program(haproxy, ['-db', '-f', file])
    await until(
      'HAProxy to listen',
      () => [...Object.keys(SENDERS), 'seen', 'tls'].every(name => existsSync(socket(name))) || !program.isRunning,
    )
    expect(program.isRunning, program.output).to.equal(true)
  })

  after(async () => {
    await program?.[Symbol.asyncDispose]()
    await backend?.close()
    await directory?.[Symbol.asyncDispose]()
  })

  /** What HAProxy makes of a header: its own words, or nothing. */
  const seen = async (header: Buffer): Promise<string> => {
    const conn = await Conn.open({ path: socket('seen') })
    await conn.send(Buffer.concat([header, Buffer.from('GET / HTTP/1.0\r\n\r\n')]))
    // To the end: it is never as long.
    const answer = (await conn.read(4096)).toString()
    conn.destroy()
    return answer.split('\r\n\r\n')[1] ?? ''
  }

  /** The header that HAProxy sends on for a client that came with one. */
  const sentOn = async (name: keyof typeof SENDERS, settings: ProxySettings): Promise<Head> => {
    const next = backend.next()
    const conn = await Conn.open({ path: socket(name) })
    try {
      await conn.send(Buffer.concat([encodeProxy(settings), Buffer.from('hello')]))
      return await within('the header', next)
    } finally {
      conn.destroy()
    }
  }

  for (const version of [1, 2] as const) {
    it(`takes our headers of version ${version}`, async () => {
      for (const ends of [IPV4, IPV6]) {
        const { source, destination } = ends
        const wanted = `${source.address} ${source.port} ${destination.address} ${destination.port}  `
        expect(await seen(encodeProxy({ version, ...ends }))).to.equal(wanted)
      }
      const mixed = encodeProxy({ version, source: IPV4.source, destination: IPV6.destination })
      expect(await seen(mixed)).to.match(/^::ffff:192\.0\.2\.1 1234 2001:db8::2 1 {2}$/)
    })
  }

  it('takes our TLVs and our checksum, and closes where it is wrong, as we do', async () => {
    const tlvs = [
      { type: PROXY_TLV.noop, value: Buffer.alloc(5) },
      { type: PROXY_TLV.authority, value: Buffer.from('a.example') },
      { type: PROXY_TLV.uniqueId, value: Buffer.from('id-7') },
    ]
    const good = encodeProxy({ version: 2, ...IPV6, tlvs, checksum: true })
    expect(await seen(good)).to.equal('2001:db8::1 65535 2001:db8::2 1 a.example id-7')
    for (const at of [20, 40, good.length - 1]) {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ 1
      expect(await seen(bad)).to.equal('')
      expect(decodeProxy(bad)).to.include({ status: 'refused', fault: 'checksum' })
    }
  })

  it('closes at what we refuse, too', async () => {
    const path = encodeProxy({ version: 2, ...IPV4, tlvs: [{ type: 0xe0, value: Buffer.alloc(3) }] })
    path[30] = 4
    for (const bad of [
      path,
      'PROXY TCP4 192.0.2.1 198.51.100.2 1234\r\n',
      'PROXY TCP5 ::1 ::1 1 2\r\n',
      'GET / HTTP/1.0\r\n',
    ]) {
      expect(await seen(Buffer.from(bad))).to.equal('')
      expect(decodeProxy(Buffer.from(bad))).to.have.property('status', 'refused')
    }
  })

  it('takes our LOCAL, and uses its own connection', async () => {
    expect(await seen(encodeProxy({ version: 2, command: 'local', checksum: true }))).to.match(/ {2}$/)
  })

  for (const [name, version] of [
    ['v1', 1],
    ['v2', 2],
    ['checksum', 2],
  ] as const) {
    it(`sends headers that we take: ${SENDERS[name]}`, async () => {
      for (const ends of [IPV4, IPV6]) {
        const { header, rest } = await sentOn(name, { version: 1, ...ends })
        expect(header).to.deep.include({ version, command: 'proxy', transport: 'stream', ...ends })
        expect(header.tlvs.map(({ type }) => type)).to.deep.equal(name === 'checksum' ? [PROXY_TLV.checksum] : [])
        expect(rest.toString()).to.equal('hello')
      }
    })
  }

  it('sends TLVs that we take, also those about TLS', async () => {
    const next = backend.next()
    const raw = connect(socket('tls'))
    await within('connect', once(raw, 'connect'))
    raw.write(encodeProxy({ version: 2, ...IPV4, tlvs: [{ type: PROXY_TLV.uniqueId, value: Buffer.from('id-7') }] }))
    const options = { servername: 'a.example', ALPNProtocols: ['h2'], rejectUnauthorized: false }
    const client = connectTls({ socket: raw, ...options })
    client.on('secureConnect', () => client.write('hello'))
    const { header, rest } = await within('the header', next)
    client.destroy()
    expect(header).to.deep.include(IPV4)
    expect(text(header, PROXY_TLV.authority)).to.equal('a.example')
    expect(text(header, PROXY_TLV.alpn)).to.equal('h2')
    expect(text(header, PROXY_TLV.uniqueId)).to.equal('limpet-192.0.2.1')
    // By TLS; its version is the first of the TLVs inside.
    const ssl = text(header, PROXY_TLV.ssl)
    expect([ssl?.at(0), ssl?.slice(5, 15)]).to.deep.equal(['\u0001', '!\0\u0007TLSv1.3'])
    expect(header.tlvs.some(({ type }) => type === PROXY_TLV.checksum)).to.equal(true)
    expect(rest.toString()).to.equal('hello')
  })

  it('sends headers that we take for clients without an address, and for its checks', async () => {
    const next = backend.next()
    const conn = await Conn.open({ path: socket('local') })
    await conn.send('hello')
    const { header, length, rest } = await within('the header', next)
    conn.destroy()
    expect(header).to.deep.equal({ version: 2, command: 'local', transport: 'unspecified', tlvs: [] })
    // With a checksum, which is skipped.
    expect(length).to.equal(16 + 7)
    expect(rest.toString()).to.equal('hello')
    for (const [name, version] of [
      ['check1', 1],
      ['check2', 2],
    ] as const) {
      await using checked = await Heads.listen(socket(name))
      const check = await within('a check', checked.next())
      expect(check.header).to.include({ version, transport: 'unspecified' })
      expect(check.header).to.not.have.property('source')
    }
  })
})

interface Head {
  header: ProxyHeader
  length: number
  /** What came behind it until it was whole, or `hello`. */
  rest: Buffer
}

/** A server that reads a header from each connection, and what follows. */
class Heads implements AsyncDisposable {
  readonly #server: Server
  readonly #live = new Set<Socket>()
  readonly #waiting: { resolve: (head: Head) => void; reject: (error: Error) => void }[] = []

  private constructor() {
    this.#server = createServer(socket => this.#connected(socket))
  }

  static async listen(path: string): Promise<Heads> {
    const heads = new Heads()
    heads.#server.listen(path)
    await once(heads.#server, 'listening')
    return heads
  }

  next(): Promise<Head> {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  async close(): Promise<void> {
    for (const socket of this.#live) socket.destroy()
    const closed = once(this.#server, 'close')
    this.#server.close()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #connected(socket: Socket): void {
    this.#live.add(socket)
    let read = Buffer.alloc(0)
    socket.on('error', () => undefined).on('close', () => this.#live.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      read = Buffer.concat([read, chunk])
      const verdict = decodeProxy(read)
      if (verdict.status === 'refused')
        this.#waiting.shift()?.reject(new Error(`${verdict.fault}: ${read.toString('hex')}`))
      if (verdict.status !== 'complete') return
      const rest = read.subarray(verdict.length)
      // A check says nothing of its own.
      const isWhole = verdict.header.source === undefined && rest.length === 0 ? this.#isCheck : rest.length === 5
      if (isWhole) this.#waiting.shift()?.resolve({ header: verdict.header, length: verdict.length, rest })
    })
  }

  get #isCheck(): boolean {
    return String(this.#server.address()).includes('check')
  }
}

function end(address: string, port: number): Extract<ProxyEndpoint, { address: string }> {
  return { address, port }
}

function text({ tlvs }: ProxyHeader, type: number): string | undefined {
  const found = tlvs.find(tlv => tlv.type === type)
  return found && Buffer.from(found.value).toString('latin1')
}

function configuration(directory: Directory): string {
  const path = (name: string): string => `unix@${directory.file(name)}`
  const tcp = (name: string, bind: string, options: string): string => `
frontend ${name}
  bind ${path(name)} ${bind}
  unique-id-format limpet-%ci
  default_backend to-${name}
backend to-${name}
  server s ${path('backend')} ${options}
`
  const checks = Object.entries(CHECKS).map(
    ([name, options]) => `
backend ${name}
  server s ${path(name)} check inter 100ms ${options}
`,
  )
  return `global
  maxconn 100
defaults
  mode tcp
  timeout connect 60s
  timeout client 60s
  timeout server 60s
${Object.entries(SENDERS)
  .map(([name, options]) => tcp(name, 'accept-proxy', options))
  .join('')}
${tcp('tls', `accept-proxy ssl crt ${directory.file('cert.pem')} alpn h2`, SENDERS.all)}
${tcp('local', '', SENDERS.checksum)}
${checks.join('')}
frontend seen
  mode http
  bind ${path('seen')} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port] %[fc_pp_authority] %[fc_pp_unique_id]"
`
}
