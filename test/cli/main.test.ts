import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { TYPESCRIPT } from '../helpers/typescript/arguments.ts'
import { Child, cleanUp, DIST_MAIN, fileOf, ROOT, runnable, SOURCE_MAIN, startSource } from './helpers.ts'

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
const NO_ADDON = { LIMPET_ADDON: '/no/such/limpet.node' }

describe('cli: the process', () => {
  let file = ''

  before(() => {
    file = fileOf(runnable(['127.0.0.1:7001', '127.0.0.1:7002']))
  })
  after(cleanUp)

  it('exits with the status of the command, from the sources', async () => {
    const child = startSource(SOURCE_MAIN, ['chekc'])
    expect(await child.exit).to.equal(64)
    expect(child.stderr).to.contain('Did you mean check?')
  })

  it('is executable when it is built', async () => {
    expect(existsSync(DIST_MAIN), `${DIST_MAIN}: npm run build makes it`).to.equal(true)
    const child = new Child(DIST_MAIN, ['--version'])
    expect(await child.exit).to.equal(0)
    expect(child.stdout).to.equal(`${version}\n`)
  })

  it('explains when it is built', async () => {
    const child = new Child(DIST_MAIN, ['explain', '-c', file, '-'])
    child.process.stdin.end('192.0.2.7\n')
    expect(await child.exit).to.equal(0)
    expect(child.stdout).to.match(/^192\.0\.2\.7 s[01]\n$/)
  })

  it('needs no addon for help, version, check and schema', async () => {
    const commands = [['--help'], ['--version'], ['check', '-c', file], ['schema']]
    const children = commands.map(args => startSource(SOURCE_MAIN, args, NO_ADDON))
    expect(await Promise.all(children.map(child => child.exit))).to.deep.equal([0, 0, 0, 0])
    const schema = JSON.parse(children[3]?.stdout ?? '') as { properties: object }
    expect(schema.properties).to.include.keys('listeners', 'pools')
  })

  it('says in one sentence that the addon is missing, where it is needed', async () => {
    const commands = [
      ['explain', '-c', file, '192.0.2.7'],
      ['run', '-c', file],
    ]
    for (const child of commands.map(args => startSource(SOURCE_MAIN, args, NO_ADDON))) {
      expect(await child.exit).to.equal(1)
      expect(child.stdout).not.to.contain('digest')
      expect(child.stderr)
        .to.match(/^limpet: .*addon/)
        .and.to.contain('/no/such/limpet.node')
      expect(child.stderr).not.to.match(/^ {4}at /m)
    }
  })

  it('reads the configuration from a pipe', async () => {
    const child = startSource(SOURCE_MAIN, ['check', '-c', '-', '--json'])
    child.process.stdin.end(runnable(['127.0.0.1:7001']))
    expect(await child.exit).to.equal(0)
    expect(JSON.parse(child.stdout)).to.include({ file: '<stdin>' })
  })

  it('ends quietly when its reader leaves', async () => {
    const child = startSource(SOURCE_MAIN, ['explain', '-c', file, '-'])
    const { stdin, stdout } = child.process
    const block = '192.0.2.7\n'.repeat(10_000)
    const feed = (): void => {
      while (stdin.writable && stdin.write(block));
    }
    stdin.on('drain', feed)
    feed()
    await once(stdout, 'data')
    stdout.destroy()
    expect(await child.exit).to.equal(0)
    expect(child.stderr).to.equal('')
  })

  it('says so when the disk is full', async function () {
    if (!existsSync('/dev/full')) this.skip()
    const child = new Child('sh', ['-c', `exec "${process.execPath}" "${DIST_MAIN}" schema > /dev/full`])
    expect(await child.exit).to.equal(1)
    expect(child.stderr).to.match(/^limpet: the output cannot be written: ENOSPC/)
  })

  it('says so also of help, and keeps its status where nobody can be told', async function () {
    if (!existsSync('/dev/full')) this.skip()
    const full = (command: string): Child =>
      new Child('sh', ['-c', `exec "${process.execPath}" "${DIST_MAIN}" ${command}`])
    const help = full('--help > /dev/full')
    expect(await help.exit).to.equal(1)
    expect(help.stderr).to.match(/^limpet: the output cannot be written: ENOSPC/)
    expect(await full('check -c /no/such/file 2> /dev/full').exit).to.equal(1)
  })

  it('says in one sentence that it may open too few files', async () => {
    const limited = (limit: number): Child =>
      new Child('sh', ['-c', `ulimit -n ${limit}; exec "${process.execPath}" "${DIST_MAIN}" check -c "${file}"`])
    // How many are open while modules are loaded differs between versions of Node.
    const children = [24, 32, 40, 60, 90].map(limited)
    const ends = await Promise.all(children.map(async child => ({ status: await child.exit, stderr: child.stderr })))
    const failed = ends.filter(({ status }) => status !== 0)
    expect(failed).to.not.deep.equal([])
    for (const { status, stderr } of failed) {
      expect(stderr).to.match(/^limpet: too many open files \(EMFILE\): .*ulimit -n.*\n$/)
      expect(status).to.equal(1)
    }
  })

  it('ends with 0 and a line at a signal before run has started anything', async () => {
    const child = new Child(DIST_MAIN, ['run', '-c', '-'])
    // More than fits on the way: when it is written, the child reads its configuration.
    await new Promise(resolve => child.process.stdin.write(`#${'x'.repeat(2 ** 21)}\n`, resolve))
    child.kill('SIGTERM')
    expect(await child.exit).to.equal(0)
    expect(child.stderr).to.equal('limpet: stopped by SIGTERM before anything was started\n')
    expect(child.stdout).to.equal('')
  })

  it('ends by a signal while it reads a pipe, and in other commands', async () => {
    const pipe = join(dirname(file), 'pipe')
    spawnSync('mkfifo', [pipe])
    for (const [command, says] of [
      ['run', 'limpet: stopped by SIGINT before anything was started\n'],
      ['check', ''],
    ] as const) {
      const child = new Child(DIST_MAIN, [command, '-c', pipe])
      // Both ends of a pipe are opened together: it reads its configuration now.
      const writer = await open(pipe, 'w')
      child.kill('SIGINT')
      expect(await child.exit).to.equal('SIGINT')
      expect(child.stderr).to.equal(says)
      await writer.close()
    }
  })

  it('makes a fault one line and 70', async () => {
    const script = `import { handleCrashes } from '${ROOT}src/cli/crash.ts'
      handleCrashes('limpet')
      setImmediate(() => { throw new Error('a fault') })`
    const [quiet, loud] = [{}, { LIMPET_DEBUG: '1' }].map(
      env => new Child(process.execPath, [...TYPESCRIPT, '--input-type=module', '-e', script], env),
    )
    expect(await quiet?.exit).to.equal(70)
    expect(quiet?.stderr).to.equal('limpet: internal error: a fault (LIMPET_DEBUG=1 shows where)\n')
    expect(await loud?.exit).to.equal(70)
    expect(loud?.stderr).to.match(/^limpet: internal error: a fault\nError: a fault\n {4}at /)
  })

  it('says in one sentence that there is no compiler', async () => {
    const child = startSource(SOURCE_MAIN, ['build-native', '--force'], { CXX: '/no/such/compiler', PATH: '/no/such' })
    expect(await child.exit).to.equal(1)
    expect(child.stderr).to.match(/^limpet: /)
    expect(child.stderr).not.to.match(/^ {4}at /m)
  })
})
