import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { Balancer } from '../../src/balancer.ts'
import type { CheckReport } from '../../src/cli/check.ts'
import { describeConfig } from '../../src/config/describe.ts'
import { loadConfig, parseConfig } from '../../src/config/load.ts'
import { cleanUp, fileOf, limpet, ROOT } from './helpers.ts'

const VALID = `
listeners:
  - { name: redis, bind: ":0", pool: redis, maxSessions: 10 }
pools:
  redis:
    secret: { env: TEST_SECRET }
    boundedLoad: off
    stickTable: off
    backends:
      - { name: a, address: "[::1]:6379" }
      - { name: b/1, address: unix:/run/b.sock, weight: 2 }
  mail:
    secret: { file: secret.txt }
    placement: ring
    backends: [{ name: c, address: mail.example:25 }]
  bare: { backends: [] }
log: { sessions: on }
`
const INVALID = `
listeners:
  - { name: redis, bind: 127.0.0.1:0, pool: rediss }
pools:
  redis:
    placment: ring
    backends: [{ name: a, address: 127.0.0.1:6379, weight: -1 }]
`
const env = { TEST_SECRET: 'a secret that is never shown' }

/** `check` reads secrets from files beside the configuration. */
function validFile(): string {
  const secret = fileOf('another secret\n', 'secret.txt')
  return fileOf(VALID.replace('secret.txt', secret))
}

/** A pool whose backends nobody looks for here. */
const FOUND = `listeners: [{ name: l, bind: 127.0.0.1:0, pool: p }]
pools: { p: { secret: a secret of tests, backends: { dns: redis.test, port: 6379 } } }`

describe('cli: check', () => {
  after(cleanUp)

  it('says that backends will be found, which it does not look for', async () => {
    const file = fileOf(FOUND)
    const { status, stdout } = await limpet(['check', '-c', file])
    expect(status).to.equal(0)
    expect(stdout).to.contain('0 backends, the backends of 1 pool to be found\n')
    expect(stdout).to.match(/^ {4}# digest as the backends are that will be found$/m)
  })

  it('refuses to explain homes among backends that only the running process has found', async () => {
    const file = fileOf(FOUND)
    const { status, stderr } = await limpet(['explain', '-c', file, '192.0.2.7'])
    expect(status).to.equal(78)
    expect(stderr).to.contain('the backends of the pool p are found (dns A redis.test): ask the running process')
  })

  it('prints every setting, so that it could be read back', async () => {
    const file = validFile()
    const { status, stdout, stderr } = await limpet(['check', '-c', file], { env })
    expect(status).to.equal(0)
    expect(stdout).to.match(/^# .*limpet\.yaml is valid: 1 listener, 3 pools, 3 backends\n/)
    expect(stdout.match(/^ {4}# digest [0-9a-f]{16}$/gm)).to.have.length(3)
    const again = parseConfig(stdout, { env })
    expect(describeConfig(again)).to.deep.equal(describeConfig(await loadConfig(file, { env })))
    expect(stderr).to.contain('warning: ').and.to.contain("pools.bare: the secret is derived from the pool's name")
  })

  it('says of the file of each stick table what would become of it', async () => {
    const notes = fileOf('some notes', 'notes')
    const directory = dirname(notes)
    const pools = { new: 'table', aside: 'notes', unusable: 'nowhere/table', memory: 'off', link: 'link', own: 'own' }
    symlinkSync(notes, join(directory, 'link'))
    const lines = Object.entries(pools).map(([name, file]) => `  ${name}: { stickTable: { size: 500, file: ${file} } }`)
    const file = join(directory, 'limpet.yaml')
    writeFileSync(file, `pools:\n${lines.join('\n')}\nlisteners: [{ name: l, bind: ":0", pool: new }]\n`)
    await using balancer = new Balancer({
      pools: { p: { stickTable: { size: 500, file: join(directory, 'own') } } },
      log: { level: 'silent' },
    })
    await balancer.listen()
    const statuses = async (): Promise<Record<string, string>> => {
      const { status, stdout } = await limpet(['check', '-c', file, '--json'])
      expect(status).to.equal(0)
      const { tableFiles = {} } = JSON.parse(stdout) as CheckReport
      return Object.fromEntries(Object.entries(tableFiles).map(([pool, report]) => [pool, report.status]))
    }
    const others = { new: 'new', aside: 'aside', unusable: 'unusable', link: 'unusable' }
    expect(await statuses()).to.deep.equal({ ...others, own: 'in-use' })
    await balancer.close()
    expect(await statuses()).to.deep.equal({ ...others, own: 'usable' })

    const { stdout, stderr } = await limpet(['check', '-c', file])
    expect(stdout).to.contain('    # file of the stick table: new (it is not there yet)\n')
    expect(stdout).to.contain('    # file of the stick table: usable (its pins come back)\n')
    expect(stderr).to.contain('notes would be set aside, and its pins lost: it is no stick table\n')
    expect(stderr).to.contain('nowhere/table cannot be used: ENOENT')
    expect(readdirSync(directory).sort()).to.deep.equal(['limpet.yaml', 'link', 'notes', 'own'])
  })

  it('tells the mistakes of docs/configuration.md as they are shown there', async () => {
    const text = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8')
    const [, wrong = '', shown] = /```yaml wrong\n(.*?)```.*?```text\n(.*?)```/s.exec(text) ?? []
    const file = fileOf(wrong)
    const { status, stderr } = await limpet(['check', '-c', file])
    expect(stderr.replaceAll(file, 'limpet.yaml')).to.equal(shown)
    expect(status).to.equal(78)
  })

  it('never prints a secret', async () => {
    const text = VALID.replace('{ env: TEST_SECRET }', '"a secret that is never shown"').replace(
      '{ file: secret.txt }',
      'another-one',
    )
    const file = fileOf(text)
    for (const args of [
      ['check', '-c', file],
      ['check', '-c', file, '--json'],
    ]) {
      const { status, stdout, stderr } = await limpet(args)
      expect(status).to.equal(0)
      expect(stdout + stderr).not.to.match(/never shown|another-one/)
    }
    const { stdout } = await limpet(['check', '-c', file])
    expect(stdout).to.contain('# secret: in the configuration, not shown')
  })

  it('tells all problems with their places', async () => {
    const file = fileOf(INVALID)
    const { status, stdout, stderr } = await limpet(['check', '-c', file])
    expect({ status, stdout }).to.deep.equal({ status: 78, stdout: '' })
    expect(stderr).to.contain(`${file} is not valid: 3 problems`)
    expect(stderr).to.match(/:3:\d+ {2}listeners\[0\]\.pool\n/)
    expect(stderr).to.match(
      /:6:5 {2}pools\.redis\.placment\n {2}unknown key; did you mean "placement"\?\n {2}accepted: placement,/,
    )
    expect(stderr).to.match(/:7:\d+ {2}pools\.redis\.backends\[0\]\.weight\n/)
  })

  it('gives one object with --json, valid or not', async () => {
    const file = validFile()
    const good = await limpet(['check', '-c', file, '--json'], { env })
    expect(good).to.include({ status: 0, stderr: '' })
    const report = JSON.parse(good.stdout) as CheckReport
    expect(report).to.have.all.keys('valid', 'file', 'settings', 'digests', 'warnings', 'problems')
    expect(report).to.deep.include({ valid: true, file, problems: [] })
    expect(report.settings?.pools.redis).to.deep.include({ boundedLoad: 'off', secret: '(from env TEST_SECRET)' })
    expect(report.digests).to.have.all.keys('redis', 'mail', 'bare')
    expect(report.warnings).not.to.have.length(0)

    const invalid = fileOf(INVALID)
    const bad = await limpet(['check', '-c', invalid, '--json'])
    expect(bad).to.include({ status: 78, stderr: '' })
    const refusal = JSON.parse(bad.stdout) as CheckReport
    expect(refusal).to.have.all.keys('valid', 'file', 'warnings', 'problems')
    expect(refusal).to.deep.include({ valid: false, file: invalid })
    const [problem] = refusal.problems.filter(({ path }) => path === 'pools.redis.placment')
    expect(problem).to.include({ file: invalid, line: 6, column: 5, code: 'LIMPET_ERR_CONFIG' })
    expect(problem).to.have.property('message').that.contains('unknown key')
    expect(problem).to.have.property('accepted').that.contains('placement')
  })

  it('refuses what run would refuse: a configuration without listeners', async () => {
    const file = fileOf('pools: { p: { backends: [] } }')
    const { status, stderr } = await limpet(['check', '-c', file])
    expect(status).to.equal(78)
    expect(stderr).to.contain('listeners')
  })

  it('exits with 78 for a file that cannot be read', async () => {
    const missing = await limpet(['check', '-c', '/no/such/file.yaml'])
    expect(missing).to.include({ status: 78, stdout: '' })
    expect(missing.stderr).to.equal(
      'limpet: cannot read the configuration file "/no/such/file.yaml": it does not exist\n',
    )
    const directory = await limpet(['check', '-c', '/', '--json'])
    expect(directory).to.include({ status: 78, stderr: '' })
    const { problems } = JSON.parse(directory.stdout) as CheckReport
    expect(problems).to.have.length(1)
    expect(problems[0]).to.include({ code: 'LIMPET_ERR_CONFIG_READ', file: '/', path: '' })
  })

  describe('from standard input', () => {
    it('reads the configuration, and calls it <stdin>', async () => {
      const good = await limpet(['check', '-c', '-', '--json'], {
        env,
        input: VALID.replace('{ file: secret.txt }', 'long enough'),
      })
      expect(JSON.parse(good.stdout)).to.include({ valid: true, file: '<stdin>' })
      const bad = await limpet(['check', '-c', '-'], { input: INVALID })
      expect(bad.status).to.equal(78)
      expect(bad.stderr).to.contain('limpet: <stdin> is not valid: 3 problems').and.to.contain('<stdin>:6:5')
    })

    it('refuses what is no text, too large, or nothing', async () => {
      const binary = await limpet(['check', '-c', '-'], { input: Buffer.of(0x61, 0xff, 0xfe) })
      expect(binary).to.include({ status: 78, stderr: 'limpet: the text is not UTF-8\n' })
      const large = await limpet(['check', '-c', '-'], { input: endless() })
      expect(large.status).to.equal(78)
      expect(large.stderr).to.match(/the text has \d+ bytes/)
      const empty = await limpet(['check', '-c', '-'])
      expect(empty.status).to.equal(78)
      expect(empty.stderr).to.contain('empty')
    })
  })

  it('lets no control sequence of a file name through', async () => {
    for (const text of [VALID.replace('secret.txt', fileOf('another secret\n')), INVALID, '']) {
      const file = fileOf(text, 'a\u001b[31m\u009b\nx: y')
      const { stdout, stderr } = await limpet(['check', '-c', file], { env })
      expect(stdout + stderr)
        .to.include('a\\u001b[31m\\u009b\\u000ax: y')
        .and.not.match(/(?!\n)\p{Cc}/u)
    }
  })

  it('has colours on a terminal', async () => {
    const file = validFile()
    const { stdout, stderr } = await limpet(['check', '-c', file], { env, columns: 80 })
    expect(stdout).to.contain('\u001b[36mlisteners\u001b[39m:')
    expect(stderr).to.contain('\u001b[33mwarning:\u001b[39m')
    const bad = await limpet(['check', '-c', fileOf(INVALID)], { columns: 80 })
    expect(bad.stderr).to.contain('\u001b[31mlimpet:\u001b[39m')
  })
})

async function* endless(): AsyncGenerator<Buffer> {
  for (;;) yield Buffer.from(`${'# é'.repeat(5000)}\n`)
}
