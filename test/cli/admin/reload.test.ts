import { expect } from 'chai'
import { fileOf, limpet, type Said } from '../helpers.ts'
import { AskedProcess } from './asked-process.ts'
import { backendInfo, failure, poolStats, poolsAnswer, type Script, statusReport } from './server.ts'

describe('cli: reload and config diff, of the running process', () => {
  const asked = new AskedProcess()
  const json = 'application/json'

  describe('reload', () => {
    it('tells what it changed', async () => {
      const change = (name: string): object => ({ pool: 'redis', ...backendInfo(name) })
      const result = { generation: 8, added: [change('b4')], updated: [], removed: [change('b3')] }
      const settings = [
        { path: 'listeners.m', kind: 'added' },
        { path: 'pools.redis.retries', kind: 'changed' },
      ]
      const more = await asked.ask(['reload'], { 'POST /v1/reload': [200, { ...result, settings }] })
      expect(more.stdout).to.equal(
        'reloaded: settings: 2; backends: 1 added, 0 changed, 1 removed; generation 8\n  + listeners.m\n  ~ pools.redis.retries\n  + redis b4\n  - redis b3\n',
      )
      const { status, stdout } = await asked.ask(['reload'], { 'POST /v1/reload': [200, result] })
      expect({ status, stdout }).to.deep.equal({
        status: 0,
        stdout: 'reloaded: 1 added, 0 changed, 1 removed; generation 8\n  + redis b4\n  - redis b3\n',
      })
      // Without a body it would not be JSON, and no change that is taken.
      expect(asked.lastAsked()).to.deep.equal({ method: 'POST', path: '/v1/reload', type: json, body: {} })
      const none = { generation: 8, added: [], updated: [], removed: [] }
      expect((await asked.ask(['reload'], { 'POST /v1/reload': [200, none] })).stdout).to.equal(
        'nothing differs; generation 8\n',
      )
      expect(
        JSON.parse((await asked.ask(['reload', '--json'], { 'POST /v1/reload': [200, none] })).stdout),
      ).to.deep.equal(none)
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
      const { status, stdout, stderr } = await asked.ask(['reload'], script)
      expect({ status, stdout }).to.deep.equal({ status: 78, stdout: '' })
      expect(stderr).to.contain('/etc/limpet/limpet.yaml is not valid: 2 problems')
      expect(stderr).to.contain('limpet.yaml:3:5  pools.p.placment\n  unknown key\n  accepted: placement')
      expect(stderr).to.contain('Nothing was changed.').and.not.to.contain('\u001b')
      const asJson = await asked.ask(['reload', '--json'], script)
      expect(JSON.parse(asJson.stderr)).to.deep.equal({ valid: false, file: '/etc/limpet/limpet.yaml', problems })
    })

    it('exits with 2 when a restart is needed', async () => {
      const script: Script = {
        'POST /v1/reload': [409, failure('LIMPET_ERR_NEEDS_RESTART', 'a restart is needed for threads')],
      }
      const { status, stderr } = await asked.ask(['reload'], script)
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
      asked.answer(script)
      return await limpet(['config', 'diff', '--admin', asked.admin, '-c', path, ...args], { env })
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
      asked.server.script = { ...script, ...status(path) }
      const args = ['config', 'diff', '--admin', asked.admin]
      expect((await limpet(args, { env })).stdout).to.equal(`${path} is what runs\n`)
      for (const [config, says] of [
        ['limpet.yaml', /the file "limpet.yaml", from where/],
        [null, /has no file/],
      ] as const) {
        asked.server.script = { ...script, ...status(config) }
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
})
