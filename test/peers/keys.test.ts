import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { expect } from 'chai'
import type { AffinityOptions, KeyOption } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { PostgresServer } from '../helpers/postgres.ts'
import { runProgram } from '../helpers/programs.ts'
import { RedisClient, RedisServer } from '../helpers/redis.ts'
import { forEachRelayOnce, type RelayPair } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { TEST_MS, until } from '../helpers/wait.ts'

const NAMES = ['a', 'b', 'c']

/** Real clients, whose first bytes nobody here has made up. */
describe('keys of real clients', function () {
  this.timeout(TEST_MS)
  const cleanUps: (() => unknown)[] = []
  let directory: Directory

  before(async () => {
    directory = await Directory.make()
    cleanUps.push(() => directory[Symbol.asyncDispose]())
  })

  after(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
  })

  /** A balancer over one server that stands for three. */
  const open = async (
    pair: RelayPair,
    port: number,
    key: KeyOption | KeyOption[],
    more: Omit<AffinityOptions, 'key'> = {},
  ): Promise<Rig> =>
    await Rig.open(pair, {
      backends: NAMES.map(name => ({ name, address: `127.0.0.1:${port}` })),
      pool: { affinity: { key, ...more }, boundedLoad: 'off' },
      listener: { peek: { timeout: '60s' } },
    })

  const portOf = (rig: Rig): string => String(rig.dial.port)

  function expectKey(rig: Rig, key: string): void {
    const { home, pin } = rig.balancer.pool().explain(Buffer.from(key))
    expect(pin?.backend, key).to.equal(home)
    expect(rig.counters.keyFound).to.be.greaterThan(0)
    expect(rig.counters.keyMissing + rig.counters.keyLate).to.equal(0)
  }

  async function listening(server: Server): Promise<number> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    cleanUps.push(() => server.close())
    return (server.address() as AddressInfo).port
  }

  describe('redis-cli', () => {
    let server: RedisServer
    let cli: string

    before(async function () {
      cli = requirePeer(this, 'redis-cli')
      server = await RedisServer.start(requirePeer(this, 'redis-server'), 'a', directory.path)
      cleanUps.push(() => server[Symbol.asyncDispose]())
      const client = await RedisClient.open({ host: '127.0.0.1', port: server.port })
      expect(await client.command('ACL', 'SETUSER', 'ann', 'on', '>pw', '~*', '+@all')).to.equal('OK')
      client.close()
    })

    forEachRelayOnce('behind a balancer', pair => {
      for (const protocol of ['-2', '-3']) {
        it(`is known by its user (RESP${protocol})`, async () => {
          await using rig = await open(pair, server.port, 'redis.auth')
          const login = ['--user', 'ann', '--pass', 'pw', '--no-auth-warning', protocol]
          const said = await runProgram(cli, ['-h', '127.0.0.1', '-p', portOf(rig), ...login, 'GET', 'name'])
          expect(said.toString()).to.equal('a\n')
          expectKey(rig, 'ann')
        })
      }
    })
  })

  describe('psql', () => {
    let server: PostgresServer
    let psql: string

    before(async function () {
      psql = requirePeer(this, 'psql')
      const files = { initdb: requirePeer(this, 'initdb'), postgres: requirePeer(this, 'postgres') }
      const place = await Directory.make()
      cleanUps.push(() => place[Symbol.asyncDispose]())
      server = await PostgresServer.start(files, place)
      cleanUps.push(() => server[Symbol.asyncDispose]())
    })

    forEachRelayOnce('behind a balancer', pair => {
      const ask = async (rig: Rig, env: Record<string, string>): Promise<string> => {
        const args = ['-h', '127.0.0.1', '-p', portOf(rig), '-U', 'limpet', '-Atc', 'select 7', 'postgres']
        return (await runProgram(psql, args, { env: { PATH: process.env.PATH, ...env } })).toString()
      }

      for (const [key, found] of [
        ['postgres.user', 'limpet'],
        ['postgres.database', 'postgres'],
        ['postgres.startup:application_name', 'psql'],
      ] as const) {
        it(`is known by ${key}`, async () => {
          await using rig = await open(pair, server.port, key)
          expect(await ask(rig, { PGSSLMODE: 'disable', PGGSSENCMODE: 'disable' })).to.equal('7\n')
          expectKey(rig, found)
        })
      }

      for (const PGSSLMODE of ['prefer', 'allow']) {
        it(`is known by its user where encryption is refused (sslmode=${PGSSLMODE})`, async () => {
          await using rig = await open(pair, server.port, 'postgres.user', { postgres: { tls: 'refuse' } })
          expect(await ask(rig, { PGSSLMODE })).to.equal('7\n')
          expectKey(rig, 'limpet')
        })
      }

      it('leaves where it insists on encryption and that is refused', async () => {
        await using rig = await open(pair, server.port, 'postgres.user', { postgres: { tls: 'refuse' } })
        const error = await ask(rig, { PGSSLMODE: 'require' }).catch((error: unknown) => String(error))
        expect(error).to.match(/server does not support SSL/)
        await until('it to be gone', () => rig.stats.sessions === 0)
      })

      it('asks for TLS first unless it is told not to, and goes by its address then', async () => {
        await using rig = await open(pair, server.port, 'postgres.user')
        expect(await ask(rig, {})).to.equal('7\n')
        expect(rig.counters.keyMissing).to.be.greaterThan(0)
        expect(rig.balancer.pool().explain('127.0.0.1').pin?.backend).to.be.a('string')
      })
    })
  })

  describe('curl', () => {
    let curl: string
    let port: number

    before(async function () {
      curl = requirePeer(this, 'curl')
      port = await listening(
        createHttpServer((request, response) => {
          response.setHeader('Set-Cookie', 'id=ann; Path=/')
          response.end(request.headers.cookie ?? 'none')
        }),
      )
    })

    forEachRelayOnce('behind a balancer', pair => {
      it('is known by the cookie in its jar', async () => {
        await using rig = await open(pair, port, ['http.cookie:id', 'http.path'])
        const jar = directory.file(`jar-${pair.relay}`)
        const fetched = async (): Promise<string> =>
          (await runProgram(curl, ['-s', '-b', jar, '-c', jar, `http://127.0.0.1:${portOf(rig)}/room?x`])).toString()
        expect(await fetched()).to.equal('none')
        expectKey(rig, '/room')
        expect(await fetched()).to.equal('id=ann')
        expectKey(rig, 'ann')
      })
    })
  })

  describe('openssl s_client', () => {
    let openssl: string
    let port: number

    before(async function () {
      openssl = requirePeer(this, 'openssl')
      const [key, cert] = [directory.file('key.pem'), directory.file('cert.pem')]
      const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
      await runProgram(openssl, ['req', '-x509', ...kind, '-subj', '/CN=limpet.test', '-keyout', key, '-out', cert])
      const options = { key: await readFile(key), cert: await readFile(cert), ALPNProtocols: ['mqtt'] }
      port = await listening(createTlsServer(options, socket => socket.on('error', () => undefined).resume()))
    })

    forEachRelayOnce('behind a balancer', pair => {
      for (const [key, version, found] of [
        ['tls.sni', '-tls1_3', 'ann.example'],
        ['tls.sni', '-tls1_2', 'ann.example'],
        ['tls.alpn', '-tls1_3', 'mqtt'],
      ] as const) {
        it(`is known by ${key} (${version.slice(1)})`, async () => {
          await using rig = await open(pair, port, key)
          const names = ['-servername', 'Ann.Example', '-alpn', 'mqtt']
          // It leaves when the handshake is done: its standard input has ended.
          const args = ['s_client', '-brief', '-connect', `127.0.0.1:${portOf(rig)}`, ...names, version]
          await runProgram(openssl, args)
          expectKey(rig, found)
        })
      }
    })
  })
})
