import { writeFile } from 'node:fs/promises'
import { connect as connectTls } from 'node:tls'
import { expect } from 'chai'
import type { AffinityOptions } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { Conn, clientAddress, freePort } from '../helpers/net.ts'
import { takesConnections } from '../helpers/on-free-port.ts'
import { requirePeer } from '../helpers/peers.ts'
import { Program, runProgram } from '../helpers/programs.ts'
import { forEachRelayOnce, type RelayPair } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { type Backends, named, startBackends } from '../helpers/servers.ts'
import { TEST_MS, until } from '../helpers/wait.ts'

const CLIENTS = Array.from({ length: 6 }, (_, n) => clientAddress(n))

describe('clients behind real proxies', function () {
  this.timeout(TEST_MS)
  let haproxy: string
  let nginx: string
  let directory: Directory
  let backends: Backends

  before(async function () {
    haproxy = requirePeer(this, 'haproxy')
    nginx = requirePeer(this, 'nginx')
    const openssl = requirePeer(this, 'openssl')
    directory = await Directory.make()
    const [key, cert] = [directory.file('cert.pem.key'), directory.file('cert.pem')]
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    await runProgram(openssl, ['req', '-x509', ...kind, '-subj', '/CN=limpet.test', '-keyout', key, '-out', cert])
    backends = await startBackends(['a', 'b', 'c'], named)
  })

  after(async () => {
    await backends?.[Symbol.asyncDispose]()
    await directory?.[Symbol.asyncDispose]()
  })

  const open = async (pair: RelayPair, key: AffinityOptions['key'] = 'source'): Promise<Rig> =>
    await Rig.open(pair, {
      backends: backends.all,
      pool: { boundedLoad: 'off', affinity: { key, fallback: 'refuse' } },
      listener: { proxyProtocol: { accept: 'on', trust: ['127.0.0.1'], timeout: '60s' } },
    })

  /** A proxy with this configuration, when it listens there. */
  async function started(file: string, args: string[], name: string, text: string, port: number): Promise<Program> {
    await writeFile(directory.file(name), text)
    const program = new Program(file, [...args, directory.file(name)])
    await takesConnections(program, port)
    return program
  }

  const startHaproxy = async (rig: Rig, port: number, options: string, bind = ''): Promise<Program> => {
    const server = `server limpet 127.0.0.1:${rig.dial.port} source 127.0.0.1 ${options}`
    const timeouts = ['connect', 'client', 'server'].map(name => `  timeout ${name} 60s\n`).join('')
    const text = `global
  maxconn 100
defaults
  mode tcp
${timeouts}listen l
  bind 127.0.0.1:${port} ${bind}
  ${server}
`
    return await started(haproxy, ['-db', '-f'], 'haproxy.cfg', text, port)
  }

  const startNginx = async (rig: Rig, port: number): Promise<Program> => {
    const text = `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid ${directory.file('nginx.pid')};
error_log stderr;
events { worker_connections 100; }
stream {
  server {
    listen 127.0.0.1:${port};
    proxy_pass 127.0.0.1:${rig.dial.port};
    proxy_bind 127.0.0.1;
    proxy_protocol on;
  }
}
`
    return await started(nginx, ['-e', 'stderr', '-c'], 'nginx.conf', text, port)
  }

  /** Every client comes twice; gives where each was. */
  async function visit(rig: Rig, port: number): Promise<string[]> {
    const places: string[] = []
    for (const localAddress of CLIENTS) {
      const conns = [
        await Conn.open({ host: '127.0.0.1', port, localAddress }),
        await Conn.open({ host: '127.0.0.1', port, localAddress }),
      ]
      const lines = await Promise.all(conns.map(async conn => await conn.line()))
      expect(new Set(lines).size, localAddress).to.equal(1)
      expect(rig.balancer.pool().explain(localAddress).pin?.backend).to.equal(lines[0])
      expect(await conns[0]?.echo('every byte')).to.equal('every byte')
      for (const conn of conns) conn.destroy()
      places.push(lines[0] ?? '')
    }
    return places
  }

  forEachRelayOnce('behind a balancer', pair => {
    it('meet the same backends through HAProxy, with either version, and through nginx', async () => {
      await using rig = await open(pair)
      const [v1, v2, stream] = [await freePort(), await freePort(), await freePort()]
      await using _first = await startHaproxy(rig, v1, 'send-proxy')
      const places = await visit(rig, v1)
      expect(new Set(places).size, 'several backends').to.be.greaterThan(1)
      await using _second = await startHaproxy(rig, v2, 'send-proxy-v2 proxy-v2-options crc32c,unique-id')
      expect(await visit(rig, v2)).to.deep.equal(places)
      await using _third = await startNginx(rig, stream)
      expect(await visit(rig, stream)).to.deep.equal(places)
      expect(rig.counters).to.include({ refusedProxyUntrusted: 0, refusedProxyInvalid: 0, refusedProxyTimeout: 0 })
    })

    it('have the name that they asked HAProxy for as a key, and its checks are no clients', async () => {
      await using rig = await open(pair, { proxy: 'authority' })
      const port = await freePort()
      const tls = `ssl crt ${directory.file('cert.pem')}`
      const options = 'send-proxy-v2 proxy-v2-options authority,ssl,crc32c check inter 50ms'
      await using _proxy = await startHaproxy(rig, port, options, tls)
      await until('a check', () => rig.counters.refusedNoKey > 0)
      for (const servername of ['a.example', 'b.example']) {
        const socket = connectTls({ host: '127.0.0.1', port, servername, rejectUnauthorized: false })
        const conn = new Conn(socket)
        const place = await conn.line()
        expect(rig.balancer.pool().explain(Buffer.from(servername)).pin?.backend).to.equal(place)
        conn.destroy()
      }
      expect(rig.counters.refusedProxyInvalid).to.equal(0)
    })

    it('are nobody where a proxy in front says nothing of them', async () => {
      await using rig = await open(pair)
      const port = await freePort()
      await using _proxy = await startHaproxy(rig, port, '')
      const conn = await Conn.open({ host: '127.0.0.1', port })
      conn.socket.write('GET / HTTP/1.1\r\n\r\n')
      await conn.over()
      expect(conn.received.bytes).to.equal(0)
      await until('it to be counted', () => rig.counters.refusedProxyInvalid === 1)
    })
  })
})
