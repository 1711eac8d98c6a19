import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs'
import type { Server } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { ownHost, prebuildName } from '../../src/addon.ts'
import { ask, Installation, NOWHERE, startEcho, untilWritten } from './installation.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const USER_PROGRAM = `
import { Balancer } from 'limpet'
const balancer = new Balancer({
  listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }],
  pools: { p: { backends: [{ name: 'a', address: '127.0.0.1:9' }, { name: 'b', address: '127.0.0.1:10' }] } },
})
await balancer.listen()
const decision = balancer.pick('192.0.2.7')
console.log(JSON.stringify({ port: balancer.address().port, backend: decision.backend }))
decision.release()
await balancer.close()
`

const TYPED_PROGRAM = `
import { Socket } from 'node:net'
import { Balancer, LimpetError, type Decision } from 'limpet'
const balancer = new Balancer({ pools: { p: { backends: [{ name: 'a', address: '127.0.0.1:9' }] } } })
const decision: Decision = balancer.pick('192.0.2.7')
const reason: string = decision.reason
balancer.on('error', error => console.error(error.listener.toUpperCase(), error.message))
const socket = new Socket()
const listener: string | undefined = process.argv[2]
const takers = [
  () => balancer.handle(socket),
  () => balancer.handle(socket, { listener }),
  () => balancer.handle(socket, { pool: 'p', listener: undefined }),
  // @ts-expect-error: one or the other
  () => balancer.handle(socket, { pool: 'p', listener: 'l' }),
]
if (reason === '' && takers.length === 0) throw new LimpetError('LIMPET_ERR_NO_BACKEND', 'none')
// @ts-expect-error: there is no such option
new Balancer({ pols: {} })
`

/** The relative links of a document, from the root of the package. */
function linksOf(document: string, text: string): { document: string; path: string }[] {
  const targets = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target = '']) => target)
  const relative = targets.filter(target => !/^[a-z]+:/.test(target))
  return relative.map(target => ({ document, path: join(dirname(document), target) }))
}

describe('the packed tarball, installed without scripts', () => {
  const installed = new Installation()
  const prebuilds = join(installed.package, 'prebuilds')
  const aside = join(installed.package, 'prebuilds-aside')
  let echo: Server & { port: number }
  before(async () => {
    await installed.create()
    echo = await startEcho('a')
  })
  after(async () => {
    echo?.close()
    installed.remove()
  })

  const configuration = () => {
    const { port } = echo
    return installed.write(
      'limpet.yaml',
      `listeners: [{ name: l, bind: "127.0.0.1:0", pool: p }]\npools: { p: { backends: [{ name: a, address: "127.0.0.1:${port}" }] } }\n`,
    )
  }

  /** Starts Limpet with one backend, asks it something through, and stops it. */
  const serveOne = async () => {
    const child = installed.start('run', '-c', configuration())
    const exit = once(child, 'exit')
    try {
      const [, port] = await untilWritten(child, /"address":"127\.0\.0\.1:(\d+)".*"msg":"listening"/)
      const answer = await ask(Number(port), 'hello')
      child.kill('SIGTERM')
      const [code, signal] = await exit
      return { answer, code, signal }
    } finally {
      child.kill('SIGKILL')
    }
  }

  it('holds what is needed to run and to build, and nothing of the tests', () => {
    const { platform, arch, musl } = ownHost()
    const needed = [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cli/main.js',
      `prebuilds/${prebuildName({ platform, arch, musl })}/limpet.node`,
      'native/addon/addon.cc',
      'native/core/pool.h',
      'native/protocol/proxy_protocol.h',
      'native/addon.gypi',
      'native/flags.gypi',
      'bench/bench.gypi',
      'bench/pick/pick.cc',
      'bench/package.json',
      'bench/package-lock.json',
      'dist/bench/report/echarts.licences.txt',
      'dist/dashboard/index.html',
      'dist/dashboard/main.js',
      `prebuilds/${prebuildName({ platform, arch, musl })}/limpet-bench-pick`,
      'bench/load/main.cc',
      'bench/arguments.h',
      'scripts/build-native.mjs',
      'scripts/gyp.mjs',
      'limpet.schema.json',
      'README.md',
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
    ]
    const absent = needed.filter(path => !existsSync(join(installed.package, path)))
    expect(absent).to.deep.equal([])
    expect(readdirSync(installed.package)).to.not.include.members(['src'])
    expect(readdirSync(installed.package)).to.not.include.members(['test'])
  })

  it('has the programs of the benchmarks, and they can be run', async () => {
    const programs = ['pick', ...(process.platform === 'linux' ? ['load', 'floor'] : [])]
    for (const name of programs) {
      const file = join(prebuilds, prebuildName(ownHost()), `limpet-bench-${name}`)
      const { code } = await promisify(execFile)(file, ['--nonsense']).then(
        () => ({ code: 0 }),
        error => error as { code: number },
      )
      // It was called wrongly (EX_USAGE), and not: it may not be run.
      expect(code, name).to.equal(64)
    }
  })

  it('has no binding.gyp, by which npm would compile', () => {
    expect(readdirSync(installed.package)).to.not.include('binding.gyp')
  })

  it('has documents whose links lead somewhere', () => {
    const documents = readdirSync(installed.package, { recursive: true, encoding: 'utf8' }).filter(
      name => name.endsWith('.md') && !name.startsWith('node_modules'),
    )
    const links = documents.flatMap(name => linksOf(name, readFileSync(join(installed.package, name), 'utf8')))
    expect(links.length).to.be.greaterThan(10)
    expect(links.filter(({ path }) => !existsSync(join(installed.package, path)))).to.deep.equal([])
  })

  it('is imported and balances', async () => {
    const { code, stdout, stderr } = await installed.module(USER_PROGRAM)
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
    const result = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    expect(result.port).to.be.within(1, 65535)
    expect(result.backend).to.be.oneOf(['a', 'b'])
  })

  it('has types that hold under the strictest settings', async () => {
    installed.write('typed.ts', TYPED_PROGRAM)
    symlinkSync(join(ROOT, 'node_modules', '@types'), join(installed.directory, 'node_modules', '@types'))
    const compilerOptions = {
      module: 'NodeNext',
      target: 'ES2023',
      lib: ['ES2023', 'ESNext.Disposable'],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
    }
    installed.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['typed.ts'] }))
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
    const options = { cwd: installed.directory }
    const output = await promisify(execFile)(process.execPath, [compiler, '-p', '.'], options).then(
      () => '',
      error => error.stdout,
    )
    expect(output).to.equal('')
  })

  it('has a command line with help', async () => {
    const { code, stdout } = await installed.limpet('--help')
    expect(code).to.equal(0)
    for (const command of ['run', 'check', 'explain']) expect(stdout).to.include(command)
  })

  it('measures without the packages of others, with plots and native programs that came with it', async () => {
    const report = join(installed.directory, 'report')
    const args = ['bench', 'pick', '--quick', '--seconds', '0.01', '--trials', 'pins,homes', '--report', report]
    const { code, stdout, stderr } = await installed.limpet(...args)
    expect({ code, output: stdout + stderr }).to.nested.include({ code: 0 })
    expect(stderr).to.match(/note: not installed: hashring, consistent-hash; npm ci --prefix .*bench installs them/)
    expect(readdirSync(report)).to.include.members(['report.json', 'report.md', 'pick-pick-by-pins-picks-pins.svg'])
  })

  it('serves a connection from the command line and exits with 0 when it is stopped', async () => {
    expect(await serveOne()).to.deep.equal({ answer: 'a:hello', code: 0, signal: null })
  })

  it('builds nothing where its addon can be loaded', async () => {
    const { code, stdout } = await installed.limpetWith({ CXX: NOWHERE }, 'build-native')
    const shipped = join(prebuilds, prebuildName(ownHost()), 'limpet.node')
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: `limpet: ${shipped} is up to date.\n` })
    expect(existsSync(join(installed.package, 'build'))).to.equal(false)
  })

  describe('where no addon fits', () => {
    before(() => renameSync(prebuilds, aside))
    after(() => {
      if (!existsSync(prebuilds)) renameSync(aside, prebuilds)
    })

    it('is imported, and says with a code what is missing when it is used', async () => {
      const { code, stdout, stderr } = await installed.module(`
        import * as limpet from 'limpet'
        try {
          new limpet.Balancer({ pools: { p: { backends: [{ name: 'a', address: '127.0.0.1:9' }] } } }).pick('192.0.2.7')
        } catch (error) {
          console.log(error instanceof limpet.LimpetError, error.code, error.message)
        }`)
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' })
      expect(stdout).to.match(/^true LIMPET_ERR_ADDON_LOAD /)
      expect(stdout).to.include(join(prebuilds, prebuildName(ownHost()), 'limpet.node'))
      expect(stdout).to.include('npx limpet build-native')
    })

    it('has a command line that helps, checks, and refuses to run with a sentence', async () => {
      expect(await installed.limpet('--help')).to.include({ code: 0 })
      expect(await installed.limpet('check', '-c', configuration())).to.include({ code: 0 })
      const { code, stderr } = await installed.limpet('run', '-c', configuration())
      expect(code).to.equal(1)
      expect(stderr).to.include('npx limpet build-native')
      expect(stderr).to.not.match(/^\s+at /m)
    })

    it('builds its addon when it is told to, and then serves', async () => {
      const { code, stdout, stderr } = await installed.limpet('build-native')
      expect({ code, output: stdout + stderr }).to.nested.include({ code: 0 })
      expect(existsSync(join(installed.package, 'build', 'Release', 'limpet.node'))).to.equal(true)
      expect(existsSync(join(installed.package, 'binding.gyp'))).to.equal(false)
      expect(await serveOne()).to.deep.equal({ answer: 'a:hello', code: 0, signal: null })
    })
  })

  describe('installed from a lockfile, with scripts and without a compiler', () => {
    it('compiles nothing, and uses the addon that came with it', async () => {
      const { code, stdout, stderr } = await installed.reinstall()
      expect({ code, output: stdout + stderr }).to.nested.include({ code: 0 })
      // npm names every package of which it runs a script.
      expect(stdout + stderr).to.not.match(/limpet@|gyp/)
      expect(existsSync(join(installed.package, 'build'))).to.equal(false)
      expect(await serveOne()).to.deep.equal({ answer: 'a:hello', code: 0, signal: null })
    })
  })

  it('is the version of the checkout', () => {
    const version = (root: string) => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version
    expect(version(installed.package)).to.equal(version(ROOT))
  })
})
