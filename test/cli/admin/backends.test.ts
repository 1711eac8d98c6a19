import { expect } from 'chai'
import type { StatusReport } from '../../../src/cli/admin/status-text.ts'
import type { DiscoveryStatus } from '../../../src/discovery/discovery.ts'
import { AskedProcess, BACKENDS, POOLS, TWO_POOLS } from './asked-process.ts'
import { backendInfo, failure, poolStats, poolsAnswer, type Script, statusReport } from './server.ts'

describe('cli: status and backends, of the running process', () => {
  const asked = new AskedProcess()
  const json = 'application/json'

  describe('status', () => {
    it('is a table of pools and backends, with what each may hold', async () => {
      const { status, stdout, stderr } = await asked.ask(['status'])
      expect({ status, stderr }).to.deep.equal({ status: 0, stderr: '' })
      const lines = stdout.split('\n').map(line => line.trim().replace(/ {2,}/g, ' | '))
      expect(lines).to.include('limpet 0.1.0 | listening | up 1d 1h | 42 sessions | generation 7 | pid 4242')
      expect(lines).to.include('/etc/limpet/limpet.yaml')
      expect(lines).to.include('l | 127.0.0.1:7000 | redis | 42')
      expect(lines).to.include('pool redis | 2 of 3 backends serve | 3 sessions | 12,345 of 1,000,000 pins')
      expect(lines).to.include('b1 | 10.0.0.1:6379 | ready | up 2d 5h | 1 | 3 | 5 | - | 100 | 0')
      expect(lines).to.include('b2 | 10.0.0.1:6379 | drain | up 2d 5h | 2 | 0 | - | - | 0 | 0')
      expect(lines).to.include('b3 | 10.0.0.1:6379 | ready | down 2d 5h | 1 | 0 | - | 50 | 0 | 0 | connection refused')
    })

    it('tells what threads may do, and which one may do more than the others', async () => {
      const thread = { uid: 1000, gid: 100, capabilities: '0000000000000000', noNewPrivileges: true }
      const alike = ['node', 'libuv-worker'].map((name, id) => ({ ...thread, id, name }))
      const other = { ...thread, id: 3, name: 'relay', capabilities: '0000000000000400', noNewPrivileges: false }
      const told = async (threads: StatusReport['threads']): Promise<string> =>
        (await asked.ask(['status'], { 'GET /v1/status': [200, statusReport(POOLS, { threads })] })).stdout
      expect(await told(alike)).to.include('user 1000  group 100  no capabilities  no new privileges  (2 threads)\n')
      const text = await told([...alike, other])
      expect(text).to.include('no capabilities  no new privileges  (node, libuv-worker)\n')
      expect(text).to.include('user 1000  group 100  capabilities 400  new privileges possible  (relay)\n')
    })

    it('tells what came back from the file of a table, and what the last change moved', async () => {
      const { table } = poolStats(BACKENDS)
      const file = { generation: 3, restored: 58_211, dropped: 12, torn: 1, setAside: 1 }
      const lastMove = { time: Date.now() - 240_500, homesMoved: 0.25, sample: 1000, isExact: false, pinsMoved: 421 }
      const pools = { redis: poolStats(BACKENDS, { lastMove, table: { ...table, file } }) }
      const { stdout } = await asked.ask(['status'], { 'GET /v1/status': [200, statusReport(pools)] })
      expect(stdout).to.match(/\n {2}the last change moved 25\.0 % of the homes and 421 pins, 4m \d+s ago\n/)
      expect(stdout).to.contain(
        '\n  table file, opened 3 times: 58,211 pins came back, 12 dropped, 1 bucket cleared, a file that was not to be believed was set aside\n',
      )
    })

    it('says where backends are found, and what is wrong with that', async () => {
      const failed = { timeout: 2, server: 0, negative: 0, malformed: 0, unreadable: 0, count: 0, refused: 0 }
      const discovery = {
        ...{ source: 'dns SRV _r._tcp.test', found: 3, isFresh: true, lastSuccess: Date.now() - 4000, ageMs: 4000 },
        ...{ nextInMs: 26_000, succeeded: 9, failed, changes: 1 },
      }
      const told = async (status: DiscoveryStatus): Promise<string> => {
        const pools = { redis: poolStats(BACKENDS, { discovery: status }) }
        return (await asked.ask(['status'], { 'GET /v1/status': [200, statusReport(pools)] })).stdout
      }
      expect(await told(discovery)).to.contain('\n  dns SRV _r._tcp.test: 3 backends found, 4s ago, again in 26s\n')
      const wrong = await told({ ...discovery, isFresh: false, error: '10.0.0.1:53 did not\u001b answer' })
      expect(wrong).to.contain('\n  the backends stay as they are: 10.0.0.1:53 did not\\u001b answer\n')
      const never = { source: 'file /x.yaml', found: 0, isFresh: false, succeeded: 0, failed, changes: 0 }
      expect(await told(never)).to.contain('\n  file /x.yaml: 0 backends found, never yet\n')
      const part = await told({ ...discovery, error: 'pod-7.test has no A record' })
      expect(part).to.contain('\n  a part of it failed: pod-7.test has no A record\n')
    })

    it('says that checks are not believed', async () => {
      const pools = { redis: poolStats(BACKENDS, { isFailOpen: true }) }
      const { stdout } = await asked.ask(['status'], { 'GET /v1/status': [200, statusReport(pools)] })
      expect(stdout).to.contain('checks are not believed').and.to.contain('3 of 3 backends serve')
    })

    it('has what agents said, where there are some', async () => {
      const agent = { isReached: true, weight: 100, state: 'ready', isUp: true, maxSessions: 0, failures: 0 } as const
      const backends = [
        backendInfo('a', { agent }),
        backendInfo('b', { agent: { ...agent, weight: 50, state: 'drain', maxSessions: 7, isReached: false } }),
        backendInfo('c', { agent: { ...agent, isUp: false, reason: 'disk\u001b full' } }),
        backendInfo('d', { agent: { ...agent, isReached: false } }),
      ]
      const report = statusReport({ redis: poolStats(backends) })
      const { stdout } = await asked.ask(['status'], { 'GET /v1/status': [200, report] })
      const lines = stdout.split('\n').map(line => line.trim().replace(/ {2,}/g, ' | '))
      expect(stdout).to.contain('3 of 4 backends serve')
      for (const [name, said] of [
        ['a', 'ready'],
        ['b', 'drain, 50%, max 7, no answer'],
        ['c', 'down'],
        ['d', 'no answer'],
      ])
        expect(lines.find(line => line.startsWith(`${name} | `))).to.contain(`| ready | ${said} | 1 |`)
      expect(stdout).to.contain('disk\\u001b full')
    })

    it('has what other balancers have, where the bound counts it', async () => {
      const backends = [backendInfo('a', { sessions: 3, peerSessions: 1200, bound: 0 })]
      const report = statusReport({ redis: poolStats(backends) })
      const { stdout } = await asked.ask(['status'], { 'GET /v1/status': [200, report] })
      const lines = stdout.split('\n').map(line => line.trim().replace(/ {2,}/g, ' | '))
      expect(lines).to.include('BACKEND | ADDRESS | STATE | WEIGHT | SESSIONS | PEERS | BOUND | MAX | TOTAL | FAILED')
      expect(lines).to.include('a | 10.0.0.1:6379 | ready | 1 | 3 | 1,200 | 0 | - | 0 | 0')
    })

    it('says how many clients wait for a seat, if any do', async () => {
      const queue = { waiting: 12, waited: 20, waitedMs: 100, timedOut: 0, refused: 0, left: 0 }
      const pools = { redis: poolStats(BACKENDS, { queue }), mail: poolStats([backendInfo('m1')]) }
      const { stdout } = await asked.ask(['status'], { 'GET /v1/status': [200, statusReport(pools)] })
      expect(stdout.match(/\d+ waiting/g)).to.deep.equal(['12 waiting'])
    })

    it('is what the process answers, with --json; --pool leaves one', async () => {
      const report = statusReport(TWO_POOLS)
      const script: Script = { 'GET /v1/status': [200, report] }
      expect(JSON.parse((await asked.ask(['status', '--json'], script)).stdout)).to.deep.equal(report)
      const { stats } = JSON.parse((await asked.ask(['status', '--json', '--pool', 'mail'], script)).stdout)
      expect(stats.pools).to.deep.equal({ mail: TWO_POOLS.mail })
      const { status, stderr } = await asked.ask(['status', '--pool', 'mial'], script)
      expect(status).to.equal(64)
      expect(stderr).to.contain('there is no pool "mial"; did you mean mail?')
    })

    it('is cut to a terminal, and can do nothing to it', async () => {
      const pools = { redis: poolStats([backendInfo('\u001b[2Jb', { address: `unix:/${'x'.repeat(90)}` })]) }
      const { stdout } = await asked.ask(['status'], { 'GET /v1/status': [200, statusReport(pools)] }, { columns: 60 })
      expect(stdout.split('\n').filter(line => line.length > 60)).to.deep.equal([])
      expect(stdout).not.to.contain('\u001b')
      expect(stdout).to.contain('\\u001b[2Jb')
    })
  })

  describe('backends', () => {
    it('list prints the table, or the list as JSON', async () => {
      const { stdout } = await asked.ask(['backends', 'list'])
      expect(stdout).to.match(/^ {2}BACKEND .* REASON\n {2}b1 .*\n {2}b2 .*\n {2}b3 .* connection refused\n$/)
      expect(JSON.parse((await asked.ask(['backends', 'list', '--json'])).stdout)).to.deep.equal(BACKENDS)
    })

    it('add asks for an address, and posts what was given', async () => {
      expect((await asked.ask(['backends', 'add', 'b4'])).stderr).to.contain('limpet backends add b4 --address')
      const added = backendInfo('b4', { weight: 2, maxSessions: 9 })
      const args = ['backends', 'add', 'b4', '--address', '10.0.0.1:6379', '--weight', '2', '--max-sessions', '9']
      const { status, stdout } = await asked.ask(args, { 'POST /v1/pools/redis/backends': [201, added] })
      expect(status).to.equal(0)
      expect(stdout).to.equal('b4 was added to the pool redis: 10.0.0.1:6379, weight 2, at most 9 sessions\n')
      const body = { name: 'b4', address: '10.0.0.1:6379', weight: 2, maxSessions: 9 }
      expect(asked.lastAsked()).to.deep.equal({ method: 'POST', path: '/v1/pools/redis/backends', type: json, body })
    })

    it('remove says which sessions go on', async () => {
      const { status, stdout } = await asked.ask(['backends', 'remove', 'b1'], {
        'DELETE /v1/pools/redis/backends/b1': [204],
      })
      expect({ status, stdout }).to.deep.equal({
        status: 0,
        stdout: 'b1 was removed from the pool redis; 3 sessions of it go on\n',
      })
    })

    it('set, drain, ready and maint patch what they say', async () => {
      const path = '/v1/pools/redis/backends/b1'
      const changes: [string[], object, string][] = [
        [
          ['set', 'b1', '--weight', '0'],
          { weight: 0 },
          'b1 of the pool redis is now 10.0.0.1:6379, weight 0, no limit of its own',
        ],
        [['drain', 'b1'], { state: 'drain' }, 'b1 of the pool redis is now drain; 3 sessions of it go on'],
        [
          ['drain', 'b1', '--hard'],
          { state: 'drain-hard' },
          'b1 of the pool redis is now drain-hard; 3 sessions of it go on',
        ],
        [['maint', 'b1'], { state: 'maint' }, 'b1 of the pool redis is now maint; 3 sessions of it go on'],
        [['ready', 'b1'], { state: 'ready' }, 'b1 of the pool redis is now ready'],
      ]
      for (const [args, body, says] of changes) {
        const after = { ...BACKENDS[0], ...body }
        const { status, stdout } = await asked.ask(['backends', ...args], { [`PATCH ${path}`]: [200, after] })
        expect({ status, stdout }).to.deep.equal({ status: 0, stdout: `${says}\n` })
        expect(asked.lastAsked()).to.deep.equal({ method: 'PATCH', path, type: json, body })
        const asJson = await asked.ask(['backends', ...args, '--json'], { [`PATCH ${path}`]: [200, after] })
        expect(JSON.parse(asJson.stdout)).to.deep.equal(after)
      }
      expect((await asked.ask(['backends', 'set', 'b1'])).stderr).to.contain('nothing is to be set')
    })

    it('a name that is not there is told with what was meant; odd names reach the process whole', async () => {
      const unknown = failure('LIMPET_ERR_UNKNOWN_BACKEND', 'the pool redis has no backend "b-1"')
      const { status, stderr } = await asked.ask(['backends', 'drain', 'b-1'], {
        'PATCH /v1/pools/redis/backends/b-1': [404, unknown],
      })
      expect(status).to.equal(1)
      expect(stderr).to.equal('limpet: the pool redis has no backend "b-1"; did you mean b1?\n')
      await asked.ask(['backends', 'ready', 'a/b?c'])
      expect(asked.server.asked.at(-1)?.path).to.equal('/v1/pools/redis/backends/a%2Fb%3Fc')
    })

    it('a pool must be chosen where there are several', async () => {
      const { status, stderr } = await asked.ask(['backends', 'list'], { 'GET /v1/pools': poolsAnswer(TWO_POOLS) })
      expect(status).to.equal(64)
      expect(stderr).to.contain('there are 2 pools: choose one with --pool (redis, mail)')
    })

    it('a refused change tells why', async () => {
      const problems = [{ path: 'address', message: 'it has no port', code: 'LIMPET_ERR_BAD_ADDRESS' }]
      const script: Script = {
        'POST /v1/pools/redis/backends': [400, failure('LIMPET_ERR_CONFIG', 'address: it has no port', problems)],
      }
      const { status, stderr } = await asked.ask(['backends', 'add', 'b4', '--address', 'x'], script)
      expect({ status, stderr }).to.deep.equal({ status: 1, stderr: 'limpet: address: it has no port\n' })
    })
  })
})
