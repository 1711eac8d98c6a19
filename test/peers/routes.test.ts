import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { expect } from 'chai'
import { Balancer, type RouteOptions } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { toDial } from '../helpers/net.ts'
import { inNetnsOf, inNewNetns, requireNetns, runInNetnsOf } from '../helpers/netns.ts'
import { requirePeer } from '../helpers/peers.ts'
import { ProcessRig } from '../helpers/process-rig.ts'
import { Children } from '../helpers/processes.ts'
import { runProgram } from '../helpers/programs.ts'
import { forEachRelay, forEachRelayOnce, type RelayPair } from '../helpers/relays.ts'
import { until } from '../helpers/wait.ts'

const ROUTES: RouteOptions[] = [
  { sni: 'a.example', pool: 'a' },
  { sni: '*.example', alpn: 'mqtt', pool: 'b' },
  { pool: 'plain' },
]

/** Servers with certificates of their own, told apart by clients that check them. */
describe('routes of real clients', () => {
  const cleanUps: (() => unknown)[] = []
  const ports: Record<string, number> = {}
  let directory: Directory
  let openssl: string
  let curl: string

  before(async function () {
    openssl = requirePeer(this, 'openssl')
    curl = requirePeer(this, 'curl')
    directory = await Directory.make()
    cleanUps.push(() => directory[Symbol.asyncDispose]())
    for (const name of ['a', 'b']) ports[name] = await listening(await tlsServer(name))
    ports.plain = await listening(createHttpServer((_, response) => response.end('plain')))
  })

  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
  })

  const certificate = (name: string): string => directory.file(`${name}.pem`)

  async function tlsServer(name: string): Promise<Server> {
    const [key, cert] = [directory.file(`${name}.key`), certificate(name)]
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    const names = ['-subj', `/CN=${name}.example`, '-addext', `subjectAltName=DNS:${name}.example`]
    await runProgram(openssl, ['req', '-x509', ...kind, ...names, '-keyout', key, '-out', cert])
    const options = { key: await readFile(key), cert: await readFile(cert), ALPNProtocols: ['mqtt', 'http/1.1'] }
    return createHttpsServer(options, (_, response) => response.end(name))
  }

  async function listening(server: Server): Promise<number> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanUps.push(() => server.close())
    return (server.address() as AddressInfo).port
  }

  async function open(pair: RelayPair, route: RouteOptions[]): Promise<Balancer> {
    const balancer = new Balancer({
      listeners: [{ name: 'l', bind: '127.0.0.1:0', route, peek: { timeout: '60s' }, ...pair.listener }],
      pools: Object.fromEntries(
        Object.entries(ports).map(([name, port]) => [name, { backends: [{ name, address: `127.0.0.1:${port}` }] }]),
      ),
      log: { level: 'error' },
    })
    await balancer.listen()
    return balancer
  }

  const decided = (balancer: Balancer, pool: string): number =>
    Object.values(balancer.stats().pools[pool]?.decisions ?? {}).reduce((sum, count) => sum + count, 0)

  forEachRelay('behind one listener', pair => {
    it('curl and openssl meet the server whose certificate they want', async () => {
      await using balancer = await open(pair, ROUTES)
      const port = String(toDial(balancer.address()).port)
      const fetched = async (host: string, ...args: string[]): Promise<string> =>
        (await runProgram(curl, ['-sS', '--resolve', `${host}:${port}:127.0.0.1`, ...args])).toString()
      expect(await fetched('a.example', '--cacert', certificate('a'), `https://a.example:${port}/`)).to.equal('a')
      expect(await fetched('x', `http://x:${port}/`)).to.equal('plain')
      // By its name alone there is no route to this one.
      const shown = async (...args: string[]): Promise<string> => {
        const connect = ['s_client', '-connect', `127.0.0.1:${port}`, '-verify_return_error']
        return (await runProgram(openssl, [...connect, ...args])).toString()
      }
      const wanted = ['-servername', 'B.Example', '-CAfile', certificate('b')]
      for (const version of ['-tls1_2', '-tls1_3']) {
        const said = await shown(...wanted, '-alpn', 'h2,mqtt', version)
        expect(said).to.match(/CN ?= ?b\.example/)
        expect(said).to.match(/ALPN protocol: mqtt/)
      }
      expect(await shown(...wanted).catch(() => 'no TLS there')).to.equal('no TLS there')
      expect(balancer.stats().counters.refusedNoRoute).to.equal(0)
      expect(['a', 'b', 'plain'].map(pool => decided(balancer, pool))).to.deep.equal([1, 2, 2])
    })

    // A hello with a key of a post-quantum exchange takes more than one packet.
    it('a long hello is found in its packets', async () => {
      await using balancer = await open(pair, ROUTES.slice(0, 1))
      const { port } = toDial(balancer.address())
      const long = Array.from({ length: 40 }, (_, at) => `protocol-${'x'.repeat(60)}-${at}`).join(',')
      const names = ['-servername', 'a.example', '-alpn', `${long},mqtt`]
      await runProgram(openssl, ['s_client', '-brief', '-connect', `127.0.0.1:${port}`, ...names])
      expect(decided(balancer, 'a')).to.equal(1)
    })
  })
})

const PORTS = { listener: 7000, redirected: 7201, backend: 7101 }

forEachRelayOnce('a port that the packet filter redirects', pair => {
  let nft: string

  before(function () {
    requireNetns(this)
    nft = requirePeer(this, 'nft')
  })

  it('is the one that the client connected to', async () => {
    const { listener, redirected, backend } = PORTS
    await using rig = await ProcessRig.open(pair, {
      backends: [{ name: 'a', address: `127.0.0.1:${backend}` }],
      listener: { bind: `:${listener}`, pool: undefined, route: [{ port: redirected, pool: 'p' }] },
      prefix: inNewNetns({}),
    })
    const rule = `tcp dport ${redirected} redirect to :${listener}`
    const chain = `chain local {\n type nat hook output priority -100\n ${rule}\n}`
    runInNetnsOf(rig.child.pid, [nft, '-f', '-'], `table inet limpet {\n${chain}\n}\n`)
    await using children = await Children.start(['backends', 'clients'], inNetnsOf(rig.child.pid))
    const [servers, clients] = children.all
    await servers.call('start', ['a'], [backend])
    const visit = async (host: string, port: number): Promise<string> =>
      (await clients.call<string[]>('visit', [{ host, port }])).join()
    for (const host of ['127.0.0.1', '::1']) {
      expect(await visit(host, redirected), host).to.equal('a')
      expect(await visit(host, listener), host).to.equal('')
    }
    await clients.call('close', 4)
    await until('the sessions to end', async () => (await rig.stats()).sessions === 0)
    expect(await rig.counters()).to.include({ opened: 2, refusedNoRoute: 2 })
  })
})
