import { expect } from 'chai'
import type { StatusReport } from '../../../src/cli/admin/status-text.ts'
import type { DiscoveryStatus } from '../../../src/discovery/discovery.ts'
import type { Plan } from '../../../src/pool/plan.ts'
import type { ClosingInfo } from '../../../src/sessions/closings.ts'
import { cleanUp, fileOf, limpet, runnable, type Said } from '../helpers.ts'
import { backendInfo, failure, poolStats, poolsAnswer, type Script, ScriptedServer, statusReport } from './server.ts'

/** Half an hour from what would be told otherwise: 2d 5h. */
const since = Date.now() - (53 * 60 + 30) * 60_000
const BACKENDS = [
  backendInfo('b1', { sessions: 3, bound: 5, total: 100, health: { status: 'up', since } }),
  backendInfo('b2', { weight: 2, state: 'drain', health: { status: 'up', since } }),
  backendInfo('b3', { maxSessions: 50, health: { status: 'down', reason: 'connection refused', since } }),
]
const POOLS = { redis: poolStats(BACKENDS) }
const TWO_POOLS = { ...POOLS, mail: poolStats([backendInfo('m1')]) }
const BASE: Script = {
  'GET /v1/pools': poolsAnswer(POOLS),
  'GET /v1/status': [200, statusReport(POOLS)],
}
const PLAN: Plan = {
  homesMoved: 1 / 3,
  sample: 2 ** 20,
  isExact: true,
  pinsMoved: 1200,
  returnHome: 'next-connect',
  sessionsMoved: 3,
  backends: [
    { name: 'b1', before: 1 / 3, after: 0 },
    { name: 'b2', before: 2 / 3, after: 1 },
  ],
  moves: [{ from: 'b1', to: 'b2', share: 1 / 3 }],
}

const CLOSING: ClosingInfo = {
  id: '3',
  cause: 'asked',
  backend: 'b2',
  state: 'running',
  since,
  total: 400,
  closed: 120,
  remainingMs: 6000,
}

describe('cli: commands that ask the running process', () => {
  let server: ScriptedServer
  let admin = ''

  beforeEach(async () => {
    server = new ScriptedServer(BASE)
    admin = await server.listen()
  })
  afterEach(() => server.close())
  after(cleanUp)

  /** Asks the server, which also answers this. */
  async function ask(args: string[], script: Script = {}, context: { columns?: number } = {}): Promise<Said> {
    server.script = { ...BASE, ...script }
    return await limpet(args, { ...context, env: { LIMPET_ADMIN: admin, NO_COLOR: '1' } })
  }

  function lastAsked(): object {
    const { method, path, type, body } = server.asked.at(-1) ?? {}
    return { method, path, type, body }
  }

  const json = 'application/json'

  describe('status', () => {
    it('is a table of pools and backends, with what each may hold', async () => {
      const { status, stdout, stderr } = await ask(['status'])
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
        (await ask(['status'], { 'GET /v1/status': [200, statusReport(POOLS, { threads })] })).stdout
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
      const { stdout } = await ask(['status'], { 'GET /v1/status': [200, statusReport(pools)] })
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
        return (await ask(['status'], { 'GET /v1/status': [200, statusReport(pools)] })).stdout
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
      const { stdout } = await ask(['status'], { 'GET /v1/status': [200, statusReport(pools)] })
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
      const { stdout } = await ask(['status'], { 'GET /v1/status': [200, report] })
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

    it('says how many clients wait for a seat, if any do', async () => {
      const queue = { waiting: 12, waited: 20, waitedMs: 100, timedOut: 0, refused: 0, left: 0 }
      const pools = { redis: poolStats(BACKENDS, { queue }), mail: poolStats([backendInfo('m1')]) }
      const { stdout } = await ask(['status'], { 'GET /v1/status': [200, statusReport(pools)] })
      expect(stdout.match(/\d+ waiting/g)).to.deep.equal(['12 waiting'])
    })

    it('is what the process answers, with --json; --pool leaves one', async () => {
      const report = statusReport(TWO_POOLS)
      const script: Script = { 'GET /v1/status': [200, report] }
      expect(JSON.parse((await ask(['status', '--json'], script)).stdout)).to.deep.equal(report)
      const { stats } = JSON.parse((await ask(['status', '--json', '--pool', 'mail'], script)).stdout)
      expect(stats.pools).to.deep.equal({ mail: TWO_POOLS.mail })
      const { status, stderr } = await ask(['status', '--pool', 'mial'], script)
      expect(status).to.equal(64)
      expect(stderr).to.contain('there is no pool "mial"; did you mean mail?')
    })

    it('is cut to a terminal, and can do nothing to it', async () => {
      const pools = { redis: poolStats([backendInfo('\u001b[2Jb', { address: `unix:/${'x'.repeat(90)}` })]) }
      const { stdout } = await ask(['status'], { 'GET /v1/status': [200, statusReport(pools)] }, { columns: 60 })
      expect(stdout.split('\n').filter(line => line.length > 60)).to.deep.equal([])
      expect(stdout).not.to.contain('\u001b')
      expect(stdout).to.contain('\\u001b[2Jb')
    })
  })

  describe('backends', () => {
    it('list prints the table, or the list as JSON', async () => {
      const { stdout } = await ask(['backends', 'list'])
      expect(stdout).to.match(/^ {2}BACKEND .* REASON\n {2}b1 .*\n {2}b2 .*\n {2}b3 .* connection refused\n$/)
      expect(JSON.parse((await ask(['backends', 'list', '--json'])).stdout)).to.deep.equal(BACKENDS)
    })

    it('add asks for an address, and posts what was given', async () => {
      expect((await ask(['backends', 'add', 'b4'])).stderr).to.contain('limpet backends add b4 --address')
      const added = backendInfo('b4', { weight: 2, maxSessions: 9 })
      const args = ['backends', 'add', 'b4', '--address', '10.0.0.1:6379', '--weight', '2', '--max-sessions', '9']
      const { status, stdout } = await ask(args, { 'POST /v1/pools/redis/backends': [201, added] })
      expect(status).to.equal(0)
      expect(stdout).to.equal('b4 was added to the pool redis: 10.0.0.1:6379, weight 2, at most 9 sessions\n')
      const body = { name: 'b4', address: '10.0.0.1:6379', weight: 2, maxSessions: 9 }
      expect(lastAsked()).to.deep.equal({ method: 'POST', path: '/v1/pools/redis/backends', type: json, body })
    })

    it('remove says which sessions go on', async () => {
      const { status, stdout } = await ask(['backends', 'remove', 'b1'], {
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
        const { status, stdout } = await ask(['backends', ...args], { [`PATCH ${path}`]: [200, after] })
        expect({ status, stdout }).to.deep.equal({ status: 0, stdout: `${says}\n` })
        expect(lastAsked()).to.deep.equal({ method: 'PATCH', path, type: json, body })
        const asJson = await ask(['backends', ...args, '--json'], { [`PATCH ${path}`]: [200, after] })
        expect(JSON.parse(asJson.stdout)).to.deep.equal(after)
      }
      expect((await ask(['backends', 'set', 'b1'])).stderr).to.contain('nothing is to be set')
    })

    it('a name that is not there is told with what was meant; odd names reach the process whole', async () => {
      const unknown = failure('LIMPET_ERR_UNKNOWN_BACKEND', 'the pool redis has no backend "b-1"')
      const { status, stderr } = await ask(['backends', 'drain', 'b-1'], {
        'PATCH /v1/pools/redis/backends/b-1': [404, unknown],
      })
      expect(status).to.equal(1)
      expect(stderr).to.equal('limpet: the pool redis has no backend "b-1"; did you mean b1?\n')
      await ask(['backends', 'ready', 'a/b?c'])
      expect(server.asked.at(-1)?.path).to.equal('/v1/pools/redis/backends/a%2Fb%3Fc')
    })

    it('a pool must be chosen where there are several', async () => {
      const { status, stderr } = await ask(['backends', 'list'], { 'GET /v1/pools': poolsAnswer(TWO_POOLS) })
      expect(status).to.equal(64)
      expect(stderr).to.contain('there are 2 pools: choose one with --pool (redis, mail)')
    })

    it('a refused change tells why', async () => {
      const problems = [{ path: 'address', message: 'it has no port', code: 'LIMPET_ERR_BAD_ADDRESS' }]
      const script: Script = {
        'POST /v1/pools/redis/backends': [400, failure('LIMPET_ERR_CONFIG', 'address: it has no port', problems)],
      }
      const { status, stderr } = await ask(['backends', 'add', 'b4', '--address', 'x'], script)
      expect({ status, stderr }).to.deep.equal({ status: 1, stderr: 'limpet: address: it has no port\n' })
    })
  })

  describe('sessions', () => {
    const none: Script = { 'GET /v1/sessions?backend=b1': [200, { sessions: [], more: false }] }

    it('list says of a backend that is not there that it is not', async () => {
      expect(await ask(['sessions', 'list', '--backend', 'b1'], none)).to.deep.equal({
        status: 0,
        stdout: 'no sessions\n',
        stderr: '',
      })
      const script: Script = { 'GET /v1/sessions?backend=b-1': [200, { sessions: [], more: false }] }
      expect(await ask(['sessions', 'list', '--backend', 'b-1'], script)).to.deep.equal({
        status: 0,
        stdout: 'no sessions\n',
        stderr: 'there is no backend "b-1" now; did you mean b1?\n',
      })
    })

    it('close goes on after one that has ended, and tells it', async () => {
      const gone = failure('LIMPET_ERR_UNKNOWN_SESSION', 'there is no session "2"')
      const script: Script = {
        'DELETE /v1/sessions/1': [204],
        'DELETE /v1/sessions/2': [404, gone],
        'DELETE /v1/sessions/3': [204],
      }
      expect(await ask(['sessions', 'close', '1', '2', '3'], script)).to.deep.equal({
        status: 1,
        stdout: 'closed: 2 sessions; not there, or not any more: 2\n',
        stderr: '',
      })
      const { status, stdout } = await ask(['sessions', 'close', '1', '3', '--json'], script)
      expect([status, JSON.parse(stdout)]).to.deep.equal([0, { closed: ['1', '3'], unknown: [] }])
    })

    it('close at a pace waits for the end, and tells how far it came', async () => {
      const script: Script = {
        'POST /v1/closings': [202, CLOSING],
        'GET /v1/closings/3': [200, { ...CLOSING, state: 'done', closed: 400, remainingMs: 0 }],
      }
      const paced = ['sessions', 'close', '--backend', 'b2', '--per-second', '50', '--deadline', '30s']
      expect(await ask(paced, script)).to.deep.equal({
        status: 0,
        stdout: 'closing 3: 400 of 400 sessions of backend b2\n',
        stderr: '',
      })
      expect(server.asked.find(({ method }) => method === 'POST')?.body).to.deep.equal({
        backend: 'b2',
        perSecond: 50,
        deadline: '30s',
      })
      expect(await ask([...paced, '--no-wait'], script)).to.deep.include({
        stdout: 'closing 3: 120 of 400 sessions of backend b2, 6s left\n',
      })
      const { status, stdout } = await ask([...paced, '--json'], {
        ...script,
        'GET /v1/closings/3': [200, { ...CLOSING, state: 'stopped' }],
      })
      expect([status, JSON.parse(stdout)]).to.deep.equal([1, { ...CLOSING, state: 'stopped' }])
    })

    it('close wants ids, or whose sessions', async () => {
      for (const words of [
        [],
        ['--per-second', '5'],
        ['1', '--backend', 'b2'],
        ['1', '--no-wait'],
        ['--backend', 'b2', '--deadline', '30'],
      ])
        expect(await ask(['sessions', 'close', ...words], {}), words.join(' ')).to.include({ status: 64 })
    })

    it('closings lists them, and stop ends one', async () => {
      const script: Script = {
        'GET /v1/closings': [200, { closings: [CLOSING, { ...CLOSING, id: '4', cause: 'down', state: 'done' }] }],
        'DELETE /v1/closings/3': [200, { ...CLOSING, state: 'stopped' }],
        'DELETE /v1/closings/9': [404, failure('LIMPET_ERR_UNKNOWN_CLOSING', 'there is no closing "9"')],
      }
      expect(await ask(['sessions', 'closings'], script)).to.deep.equal({
        status: 0,
        stdout: [
          '  ID  SESSIONS OF  CAUSE  STATE    CLOSED   OF  LEFT',
          '  3   backend b2   asked  running     120  400    6s',
          '  4   backend b2   down   done        120  400     -',
          '',
        ].join('\n'),
        stderr: '',
      })
      expect(await ask(['sessions', 'stop', '3'], script)).to.deep.include({
        status: 0,
        stdout: 'closing 3: 120 of 400 sessions of backend b2, stopped\n',
      })
      expect(await ask(['sessions', 'stop', '9'], script)).to.deep.include({ status: 1, stdout: '' })
    })
  })

  describe('plan', () => {
    it('asks the running process, and tells what would move', async () => {
      const args = [
        'plan',
        '--remove',
        'b1',
        '--weight',
        'b2=3',
        '--add',
        'b4=[::1]:6379@2',
        '--add',
        'b5=unix:/run/b5',
      ]
      const { status, stdout } = await ask(args, { 'POST /v1/pools/redis/plan': [200, PLAN] })
      expect(status).to.equal(0)
      expect(server.asked.at(-1)?.body).to.deep.equal({
        remove: ['b1'],
        update: { b2: { weight: 3 } },
        add: [
          { name: 'b4', address: '[::1]:6379', weight: 2 },
          { name: 'b5', address: 'unix:/run/b5' },
        ],
      })
      expect(stdout).to.match(/^pool redis: 33\.3 % of the clients get another home\n/)
      expect(stdout)
        .to.match(/b1 +33\.3 % +0\.0 % +-33\.3 %\n/)
        .and.to.match(/b1 +b2 +33\.3 %\n/)
      expect(stdout).to.contain('Exact: ').and.to.contain('1,200 pins and 3 sessions are on backends')
    })

    it('says that it is a sample, or that the process cannot plan', async () => {
      const old = await ask(['plan', '--remove', 'b1'])
      expect(old.status).to.equal(1)
      expect(old.stderr).to.contain('does not know what is asked: another version of limpet')
      const script: Script = { 'POST /v1/pools/redis/plan': [200, { ...PLAN, isExact: false, sample: 33_000 }] }
      expect((await ask(['plan', '--remove', 'b1'], script)).stdout).to.contain('A sample of 33,000 places')
    })

    it('of a file is that of the library, without a process', async () => {
      const file = fileOf(runnable(['127.0.0.1:7001', '127.0.0.1:7002', '127.0.0.1:7003']))
      const { status, stdout } = await limpet(['plan', '-c', file, '--remove', 's1', '--json'])
      expect(status).to.equal(0)
      const found = JSON.parse(stdout) as Plan & { pool: string }
      expect(found).to.include({ pool: 'p', isExact: true, pinsMoved: 0, sessionsMoved: 0 })
      expect(found.homesMoved)
        .to.equal(found.backends[1]?.before)
        .and.to.be.closeTo(1 / 3, 0.01)
      const text = await limpet(['plan', '-c', file, '--add', 's3=127.0.0.1:7004@3'])
      expect(text.stdout)
        .to.match(/^pool p: 50\.\d %/)
        .and.to.contain('knows no pins')
    })

    it('refuses what cannot be', async () => {
      const file = fileOf(runnable(['127.0.0.1:7001']))
      const refusals: [string[], number, RegExp][] = [
        [['plan'], 64, /nothing is to be changed/],
        [['plan', '--weight', 'b1'], 64, /NAME=WEIGHT/],
        [['plan', '--weight', 'b1=1', '--weight', 'b1=2'], 64, /"b1" is there twice/],
        [['plan', '--add', 'b1'], 64, /NAME=ADDRESS/],
        [['plan', '-c', file, '--admin', admin, '--remove', 's0'], 64, /not both/],
        [['plan', '-c', file, '--weight', 's_0=2'], 1, /has no backend "s_0"; did you mean s0\?/],
        [['plan', '-c', file, '--remove', 'x'], 1, /has no backend "x"; there is s0\n/],
        [['plan', '-c', `${file}.not`, '--remove', 'x'], 78, /does not exist/],
      ]
      for (const [args, expected, says] of refusals) {
        const { status, stderr } = await limpet(args)
        expect(stderr).to.match(says)
        expect(status).to.equal(expected)
      }
    })
  })

  describe('explain', () => {
    const explanation = { address: '192.0.2.7', key: '192.0.2.7/32', home: 'b2', order: ['b2', 'b1', 'b3'] }
    const path = 'GET /v1/pools/redis/explain?address=192.0.2.7'

    it('without -c asks the running process, which knows the pin', async () => {
      const next = { backend: 'b1', reason: 'pin', sessions: 28, bound: 54 }
      const pinned = { ...explanation, pin: { backend: 'b1', expiresInMs: 65_000 }, next }
      const { status, stdout } = await ask(['explain', '192.0.2.7'], { [path]: [200, pinned] })
      expect(status).to.equal(0)
      expect(stdout).to.contain('  home   b2\n').and.to.contain('  pin    b1, for 1m 5s more\n  next   b1 (pin)\n')
      expect(stdout)
        .to.match(/ 1 {2}b2 .*drain\n/)
        .and.to.match(/ 3 {2}b3 .*down\n/)
      const inUse = await ask(['explain', '192.0.2.7'], { [path]: [200, { ...explanation, pin: { backend: 'b1' } }] })
      expect(inUse.stdout).to.contain('  pin    b1, while its session lives\n')
      const record = await ask(['explain', '--json', '192.0.2.7'], { [path]: [200, explanation] })
      expect(JSON.parse(record.stdout)).to.deep.equal({
        ...explanation,
        pool: 'redis',
        digest: '194b5782611edaef',
        pin: null,
        next: null,
      })
      const withNext = await ask(['explain', '--json', '192.0.2.7'], { [path]: [200, pinned] })
      expect(JSON.parse(withNext.stdout).next).to.deep.equal(next)
    })

    it('answers the others when some are malformed, and exits with 65', async () => {
      const bad = [400, failure('LIMPET_ERR_BAD_ADDRESS', 'no')] as const
      const script: Script = { [path]: [200, explanation], 'GET /v1/pools/redis/explain?address=x%2F8': bad }
      const { status, stdout, stderr } = await ask(['explain', 'x/8', '192.0.2.7'], script)
      expect(status).to.equal(65)
      expect(stdout).to.contain('  home   b2\n')
      expect(stderr).to.contain('"x/8" is not an IP address')
    })
  })

  describe('reload', () => {
    it('tells what it changed', async () => {
      const change = (name: string): object => ({ pool: 'redis', ...backendInfo(name) })
      const result = { generation: 8, added: [change('b4')], updated: [], removed: [change('b3')] }
      const settings = [
        { path: 'listeners.m', kind: 'added' },
        { path: 'pools.redis.retries', kind: 'changed' },
      ]
      const more = await ask(['reload'], { 'POST /v1/reload': [200, { ...result, settings }] })
      expect(more.stdout).to.equal(
        'reloaded: settings: 2; backends: 1 added, 0 changed, 1 removed; generation 8\n  + listeners.m\n  ~ pools.redis.retries\n  + redis b4\n  - redis b3\n',
      )
      const { status, stdout } = await ask(['reload'], { 'POST /v1/reload': [200, result] })
      expect({ status, stdout }).to.deep.equal({
        status: 0,
        stdout: 'reloaded: 1 added, 0 changed, 1 removed; generation 8\n  + redis b4\n  - redis b3\n',
      })
      // Without a body it would not be JSON, and no change that is taken.
      expect(lastAsked()).to.deep.equal({ method: 'POST', path: '/v1/reload', type: json, body: {} })
      const none = { generation: 8, added: [], updated: [], removed: [] }
      expect((await ask(['reload'], { 'POST /v1/reload': [200, none] })).stdout).to.equal(
        'nothing differs; generation 8\n',
      )
      expect(JSON.parse((await ask(['reload', '--json'], { 'POST /v1/reload': [200, none] })).stdout)).to.deep.equal(
        none,
      )
    })

    it('tells everything that is wrong with the file, and exits with 78', async () => {
      const problems = [
        {
          file: 'limpet.yaml',
          line: 3,
          column: 5,
          path: 'pools.p.placment',
          message: 'unknown key',
          accepted: 'placement',
          code: 'LIMPET_ERR_CONFIG',
        },
        {
          file: 'limpet.yaml',
          line: 9,
          column: 1,
          path: 'pools.p.backends',
          message: 'a \u001b[2J list',
          code: 'LIMPET_ERR_CONFIG',
        },
      ]
      const script: Script = { 'POST /v1/reload': [400, failure('LIMPET_ERR_CONFIG', '2 problems', problems)] }
      const { status, stdout, stderr } = await ask(['reload'], script)
      expect({ status, stdout }).to.deep.equal({ status: 78, stdout: '' })
      expect(stderr).to.contain('/etc/limpet/limpet.yaml is not valid: 2 problems')
      expect(stderr).to.contain('limpet.yaml:3:5  pools.p.placment\n  unknown key\n  accepted: placement')
      expect(stderr).to.contain('Nothing was changed.').and.not.to.contain('\u001b')
      const asJson = await ask(['reload', '--json'], script)
      expect(JSON.parse(asJson.stderr)).to.deep.equal({ valid: false, file: '/etc/limpet/limpet.yaml', problems })
    })

    it('exits with 2 when a restart is needed', async () => {
      const script: Script = {
        'POST /v1/reload': [409, failure('LIMPET_ERR_NEEDS_RESTART', 'a restart is needed for threads')],
      }
      const { status, stderr } = await ask(['reload'], script)
      expect({ status, stderr }).to.deep.equal({ status: 2, stderr: 'limpet: a restart is needed for threads\n' })
    })
  })

  describe('config diff', () => {
    const file = (backends: string, more = ''): string =>
      fileOf(
        `listeners: [{ name: l, bind: 127.0.0.1:0, pool: redis }]\npools: { redis: { secret: { env: THE_SECRET }, backends: [${backends}] } }\n${more}`,
      )
    const env = { THE_SECRET: 'for the tests only' }
    const running = '{ name: a, address: "10.0.0.1:6379" }, { name: b, address: "10.0.0.2:6379", weight: 2 }'

    /** What runs: the file that was read, and backends that were changed since. */
    async function scriptOf(backends: ReturnType<typeof backendInfo>[]): Promise<Script> {
      const { settings } = JSON.parse((await limpet(['check', '-c', file(running), '--json'], { env })).stdout)
      return { 'GET /v1/config': [200, settings], 'GET /v1/pools': poolsAnswer({ redis: poolStats(backends) }) }
    }

    async function diff(path: string, args: string[], script: Script): Promise<Said> {
      server.script = { ...BASE, ...script }
      return await limpet(['config', 'diff', '--admin', admin, '-c', path, ...args], { env })
    }

    const asRead = [backendInfo('b', { address: '10.0.0.2:6379', weight: 2 }), backendInfo('a')]

    it('finds nothing where nothing differs, in whatever order', async () => {
      const path = file(running)
      const { status, stdout, stderr } = await diff(path, ['--exit-code'], await scriptOf(asRead))
      expect({ status, stdout, stderr }).to.deep.equal({ status: 0, stdout: `${path} is what runs\n`, stderr: '' })
    })

    it('tells every setting that differs, and what would end that', async () => {
      const path = file('{ name: a, address: "10.0.0.1:6379" }, { name: c, address: "10.0.0.3:6379" }', 'threads: 2')
      const script = await scriptOf([backendInfo('a', { state: 'drain' }), backendInfo('b')])
      const { status, stdout } = await diff(path, [], script)
      expect(status).to.equal(0)
      const rows = stdout.split('\n').map(line => line.trim().replace(/ {2,}/g, ' | '))
      expect(rows).to.include('threads | 2 | auto | a restart')
      expect(rows).to.include('pools.redis.backends.a.state | ready | drain | limpet reload')
      expect(rows).to.include('pools.redis.backends.b.weight | - | 1 | limpet reload')
      expect(rows).to.include('pools.redis.backends.c.address | 10.0.0.3:6379 | - | limpet reload')
      const found = await diff(path, ['--json', '--exit-code'], script)
      expect(found.status).to.equal(1)
      const { differences } = JSON.parse(found.stdout)
      expect(differences).to.have.length(12)
      expect(differences[0]).to.deep.equal({ path: 'threads', inFile: 2, running: 'auto', needs: 'restart' })
    })

    it('tells what differs in the checks of one backend', async () => {
      const path = file('{ name: a, address: "10.0.0.1:6379", health: { port: 7, rise: 3 } }')
      const health = { status: 'up', reason: 'the check went well', since: 1 } as const
      const same = await diff(
        path,
        ['--exit-code'],
        await scriptOf([backendInfo('a', { health, checks: { port: 7, rise: 3 } })]),
      )
      expect(same.status).to.equal(0)
      const { stdout } = await diff(path, [], await scriptOf([backendInfo('a', { health, checks: { port: 8 } })]))
      const rows = stdout.split('\n').map(line => line.trim().replace(/ {2,}/g, ' | '))
      expect(rows.slice(2).filter(row => row !== '')).to.deep.equal([
        'pools.redis.backends.a.health.rise | 3 | - | limpet reload',
        'pools.redis.backends.a.health.port | 7 | 8 | limpet reload',
      ])
    })

    it('takes the file of the process, if it can be found from here', async () => {
      const path = file(running)
      const status = (config: string | null): Script => ({ 'GET /v1/status': [200, statusReport({}, { config })] })
      const script = await scriptOf(asRead)
      server.script = { ...script, ...status(path) }
      const args = ['config', 'diff', '--admin', admin]
      expect((await limpet(args, { env })).stdout).to.equal(`${path} is what runs\n`)
      for (const [config, says] of [
        ['limpet.yaml', /the file "limpet.yaml", from where/],
        [null, /has no file/],
      ] as const) {
        server.script = { ...script, ...status(config) }
        const { status: exit, stderr } = await limpet(args, { env })
        expect(exit).to.equal(64)
        expect(stderr).to.match(says)
      }
    })

    it('says what is wrong with the file', async () => {
      const { status, stderr } = await diff(file(running, 'nonsense: 1'), [], await scriptOf(asRead))
      expect(status).to.equal(78)
      expect(stderr).to.contain('nonsense')
    })
  })

  describe('events', () => {
    it('prints a line for each, until the process stops', async () => {
      const parts = [
        'event: hello\nid: 1\ndata: {"generation":7}\n\n: still here\n\nevent: backendDo',
        'wn\r\nid: 2\r\ndata: {"pool":"redis",\ndata: "name":"b\\u001b1"}\r\n\r',
        '\n',
      ]
      const script: Script = {
        'GET /v1/events': response => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          for (const part of parts) response.write(part)
          response.end()
        },
      }
      const { status, stdout, stderr } = await ask(['events', '--json', '--no-retry'], script)
      expect(
        stdout
          .trimEnd()
          .split('\n')
          .map(line => JSON.parse(line)),
      ).to.deep.equal([
        { event: 'hello', id: '1', data: { generation: 7 } },
        { event: 'backendDown', id: '2', data: { pool: 'redis', name: 'b\u001b1' } },
      ])
      expect({ status, stderr }).to.deep.equal({
        status: 69,
        stderr: `limpet: ${admin} has ended the events: limpet was stopped\n`,
      })
      const text = await ask(['events', '--no-retry'], script)
      expect(text.stdout).to.match(/Z {2}hello {2}generation=7\n.*Z {2}backendDown {2}pool=redis {2}name=b\\u001b1\n$/)
    })

    it('goes on after the last event when the stream breaks, until nobody is there', async () => {
      const lastIds: unknown[] = []
      const script: Script = {
        'GET /v1/events': response => {
          lastIds.push(response.req.headers['last-event-id'])
          const at = lastIds.length
          if (at === 3) {
            response.writeHead(401, { 'content-type': 'application/json' }).end('{}')
            return
          }
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.write(`event: reloaded\nid: 0a-${at}\ndata: {"generation":${at}}\n\n`, () => response.destroy())
        },
      }
      const { status, stdout, stderr } = await ask(['events', '--json'], script)
      expect(lastIds).to.deep.equal([undefined, '0a-1', '0a-2'])
      expect(stdout.match(/"0a-\d"/g)).to.deep.equal(['"0a-1"', '"0a-2"'])
      expect(status).to.equal(77)
      expect(stderr).to.contain('the events have ended; trying to go on after the last one\n')
    })
  })

  describe('log', () => {
    it('prints a line for each session that ended, and how many it missed', async () => {
      const session = {
        ...{
          id: '513',
          time: 0,
          relay: 'native',
          listener: 'l',
          pool: 'redis',
          clientAddress: '2001:db8::7',
          clientPort: 9,
        },
        ...{ backend: 'b\u001b1', reason: 'pin', connectMs: 0.2, cause: 'endFinished' },
        ...{ bytesToBackend: 12, bytesToClient: 3_400_000, durationMs: 1234 },
      }
      const event = (name: string, data: object): string => `event: ${name}\nid: 1\ndata: ${JSON.stringify(data)}\n\n`
      const script: Script = {
        'GET /v1/log?pool=redis&share=0.5': response => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          response.end(event('hello', {}) + event('session', session) + event('leftOut', { sessions: 7 }))
        },
      }
      const args = ['log', '--pool', 'redis', '--share', '0.5']
      const { status, stdout, stderr } = await ask(args, script)
      expect(stdout).to.equal(
        '1970-01-01T00:00:00.000Z  [2001:db8::7]:9  b\\u001b1 (pin)  endFinished  12 B to backend, 3.4 MB to client  1.234 s, connect 0.2 ms\n',
      )
      expect(status).to.equal(69)
      expect(stderr).to.match(/^7 sessions left out: .*\nlimpet: .* has ended the log: limpet was stopped\n$/)
      expect(JSON.parse((await ask([...args, '--json'], script)).stdout)).to.deep.equal(session)
    })
  })
})
