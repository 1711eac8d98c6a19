import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { PoolOptions } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { clientAddress } from '../helpers/net.ts'
import { requirePeer } from '../helpers/peers.ts'
import { Program, runProgram } from '../helpers/programs.ts'
import { forEachRelay, type RelayPair } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { until } from '../helpers/wait.ts'

const SERVERS = ['haproxy', 'haproxy-tls', 'nginx'] as const
type Server = (typeof SERVERS)[number]

let directory: Directory
const programs: Program[] = []
const socket = (name: Server): string => directory.file(`${name}.sock`)

forEachRelay('servers that want a PROXY protocol header', pair => {
  before(async function () {
    this.timeout(60_000)
    const [haproxy, nginx, openssl] = [
      requirePeer(this, 'haproxy'),
      requirePeer(this, 'nginx'),
      requirePeer(this, 'openssl'),
    ]
    directory = await Directory.make()
    const [key, cert] = [directory.file('cert.pem.key'), directory.file('cert.pem')]
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    await runProgram(openssl, ['req', '-x509', ...kind, '-subj', '/CN=limpet.test', '-keyout', key, '-out', cert])
    await writeFile(directory.file('haproxy.cfg'), haproxyConfiguration(cert))
    await writeFile(directory.file('nginx.conf'), nginxConfiguration())
    programs.push(new Program(haproxy, ['-db', '-f', directory.file('haproxy.cfg')]))
    programs.push(new Program(nginx, ['-p', directory.file('.'), '-c', directory.file('nginx.conf'), '-e', 'stderr']))
    await until(
      'the servers to listen',
      () => SERVERS.every(name => existsSync(socket(name))) || programs.some(({ isRunning }) => !isRunning),
      () => programs.map(({ output }) => output),
    )
  })

  after(async () => {
    for (const program of programs.splice(0)) await program[Symbol.asyncDispose]()
    await directory?.[Symbol.asyncDispose]()
  })

  for (const sendProxy of ['v1', 'v2', { version: 'v2', tlvs: ['uniqueId', 'crc32c'] }] as const) {
    const name = typeof sendProxy === 'string' ? sendProxy : 'v2 with TLVs'
    const options = typeof sendProxy === 'string' ? sendProxy : { ...sendProxy, tlvs: [...sendProxy.tlvs] }

    it(`know the client by ${name}: HAProxy and nginx`, async () => {
      for (const server of ['haproxy', 'nginx'] as const) {
        await using rig = await open(pair, server, { sendProxy: options })
        const client = await rig.connect({ localAddress: clientAddress(3) })
        const { localPort } = client.socket
        await client.send('GET / HTTP/1.0\r\n\r\n')
        // To the end: it is never as long.
        const [, said = ''] = (await client.read(4096)).toString().split('\r\n\r\n')
        client.finish()
        await client.over()
        await rig.settle()
        const { host, port } = rig.dial
        const [id] = rig.closes.map(closed => closed.id)
        const ends = `${clientAddress(3)} ${localPort} ${host} ${port}`
        // nginx has no variable for it.
        const withId = server === 'haproxy' && typeof sendProxy !== 'string'
        expect(said.trim()).to.equal(withId ? `${ends} ${id}` : ends)
      }
    })

    it(`find that they are well by ${name}`, async () => {
      for (const [server, type] of [
        ['haproxy', 'http'],
        ['haproxy-tls', 'https'],
        ['haproxy-tls', 'tls'],
        ['nginx', 'http'],
      ] as const) {
        const health = { type, timeout: '10s', ...(type === 'http' ? {} : { tls: { verify: 'off' as const } }) }
        await using rig = await open(pair, server, { sendProxy: options, health })
        expect(rig.balancer.pool().backends()[0]?.health?.status, `${server} by ${type}`).to.equal('up')
      }
    })
  }

  it('close what comes without one', async () => {
    for (const server of ['haproxy', 'nginx'] as const) {
      await using rig = await open(pair, server, { health: { type: 'http', timeout: '10s' } })
      expect(rig.balancer.pool().backends()[0]?.health?.status, server).to.equal('down')
    }
  })
})

async function open(pair: RelayPair, server: Server, pool: Omit<PoolOptions, 'backends'>): Promise<Rig> {
  return await Rig.open(pair, { backends: [{ name: server, address: `unix:${socket(server)}` }], pool })
}

function haproxyConfiguration(cert: string): string {
  const say = '%[src] %[src_port] %[dst] %[dst_port] %[fc_pp_unique_id]'
  const frontend = (name: Server, options: string): string => `
frontend ${name}
  bind unix@${socket(name)} accept-proxy ${options}
  http-request return status 200 content-type text/plain lf-string "${say}"
`
  return `global
  maxconn 100
defaults
  mode http
  timeout connect 60s
  timeout client 60s
  timeout server 60s
${frontend('haproxy', '')}
${frontend('haproxy-tls', `ssl crt ${cert}`)}
`
}

function nginxConfiguration(): string {
  const said = ['addr', 'port', 'server_addr', 'server_port'].map(name => `$proxy_protocol_${name}`).join(' ')
  const file = (name: string): string => directory.file(name)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map(name => `  ${name}_temp_path ${file(name)};`)
    .join('\n')
  return `daemon off;
master_process off;
pid ${file('nginx.pid')};
events {}
http {
  access_log off;
${temporary}
  server {
    listen unix:${socket('nginx')} proxy_protocol;
    return 200 "${said}";
  }
}
`
}
