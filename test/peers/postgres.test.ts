import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { Balancer } from '../../src/index.ts'
import { Directory } from '../helpers/directory.ts'
import type { Dial } from '../helpers/net.ts'
import { requirePeer } from '../helpers/peers.ts'
import { PostgresServer } from '../helpers/postgres.ts'
import { runProgram } from '../helpers/programs.ts'
import { forEachRelayOnce } from '../helpers/relays.ts'
import { Rig } from '../helpers/rig.ts'
import { rounds } from '../helpers/soak.ts'
import { TEST_MS, TIMEOUT_MS, within } from '../helpers/wait.ts'

const CLIENTS = 8
const TRANSACTIONS = rounds(50, 1000)
/** Of 32 bytes each. */
const ROWS = 500_000

describe('PostgreSQL', function () {
  this.timeout(TEST_MS)
  let psql: string
  let pgbench: string
  let directory: Directory
  let server: PostgresServer

  before(async function () {
    const files = { initdb: requirePeer(this, 'initdb'), postgres: requirePeer(this, 'postgres') }
    psql = requirePeer(this, 'psql')
    pgbench = requirePeer(this, 'pgbench')
    directory = await Directory.make()
    server = await PostgresServer.start(files, directory)
    await run(pgbench, { host: '127.0.0.1', port: server.port }, ['-i', '-q', '-s', '1'])
  })

  after(async () => {
    await server?.[Symbol.asyncDispose]()
    await directory?.[Symbol.asyncDispose]()
  })

  /** `host`: also the directory of a unix socket, whose name follows from the port. */
  const run = async (file: string, { host, port }: Dial, args: readonly string[]): Promise<string> => {
    const place = ['-h', host ?? '', '-p', String(port), '-U', 'limpet']
    // Settings of whoever runs the tests must not get in the way.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG')))
    const output = await runProgram(file, [...args, ...place, 'postgres'], { env, cwd: directory.path })
    return output.toString()
  }

  it('is seen to be well by its check', async () => {
    const backends = [{ name: 'pg', address: `127.0.0.1:${server.port}` }]
    const health = { type: 'postgres', timeout: '10s' } as const
    await using balancer = new Balancer({ pools: { p: { backends, health } }, log: { level: 'silent' } })
    await balancer.listen()
    const [pg] = balancer.pool().backends()
    expect(pg?.health).to.include({ status: 'up', reason: 'the check went well' })
  })

  const open = async (pair: Parameters<Parameters<typeof forEachRelayOnce>[1]>[0]): Promise<Rig> =>
    await Rig.open(pair, { backends: [{ name: 'pg', address: `127.0.0.1:${server.port}` }] })

  forEachRelayOnce('behind a balancer', pair => {
    it('takes the transactions of several clients', async () => {
      await using rig = await open(pair)
      const args = ['-c', String(CLIENTS), '-j', '2', '-t', String(TRANSACTIONS), '-n']
      const report = await within('pgbench', run(pgbench, rig.dial, args), TIMEOUT_MS)
      const total = CLIENTS * TRANSACTIONS
      expect(report).to.include(`number of transactions actually processed: ${total}/${total}`)
      await rig.settle()
      expect(rig.counters.opened).to.be.at.least(CLIENTS)
    })

    it('takes a connection for every transaction', async () => {
      await using rig = await open(pair)
      const report = await run(pgbench, rig.dial, ['-c', '4', '-t', '25', '-n', '-C', '-S'])
      expect(report).to.include('number of transactions actually processed: 100/100')
      await rig.settle()
      expect(rig.counters.opened).to.be.at.least(100)
    })

    it('is reached through unix sockets on both sides', async () => {
      await using ours = await Directory.make()
      const backend = { name: 'pg', address: `unix:${directory.file(`.s.PGSQL.${server.port}`)}` }
      await using rig = await Rig.open(pair, {
        backends: [backend],
        listener: { bind: `unix:${ours.file('.s.PGSQL.1')}` },
      })
      expect(await run(psql, { host: ours.path, port: 1 }, ['-XAtqc', 'SELECT 6 * 7'])).to.equal('42\n')
      await rig.settle()
      expect(rig.closes.map(({ reason, cause }) => ({ reason, cause }))).to.deep.equal([
        { reason: 'nokey', cause: 'endFinished' },
      ])
    })

    it('gives a large result, byte for byte', async () => {
      await using rig = await open(pair)
      const rows = `SELECT md5(i::text) AS row FROM generate_series(1, ${ROWS}) i`
      const direct = { host: '127.0.0.1', port: server.port }
      const sum = `SELECT encode(sha256(string_agg(row, E'\\n')::bytea), 'hex') FROM (${rows}) AS rows`
      const [expected, result] = await Promise.all([
        run(psql, direct, ['-XAtqc', sum]),
        run(psql, rig.dial, ['-XAtqc', `COPY (${rows}) TO STDOUT`]),
      ])
      expect(result.length).to.equal(33 * ROWS)
      expect(createHash('sha256').update(result.trimEnd()).digest('hex')).to.equal(expected.trim())
      await rig.settle()
      expect(rig.counters.bytesToClient).to.be.greaterThan(33 * ROWS)
    })
  })
})
