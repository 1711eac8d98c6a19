import { execFile, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import fc from 'fast-check'
import { buildNative } from '../../scripts/build-native.mjs'
import { BINDING } from '../../scripts/lib/node-gyp.mjs'
import { nodeProblem, OLDEST_NODE } from '../../scripts/lib/node-version.mjs'
import { ROOT } from '../../scripts/lib/paths.mjs'
import { hashFiles } from '../../scripts/lib/stamp.mjs'
import { findToolchain } from '../../scripts/lib/toolchain.mjs'
import { ownHost, prebuildName } from '../../src/addon.ts'

describe('build: version of Node', () => {
  it('is the one of package.json', () => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    expect(OLDEST_NODE).to.equal(`${engines.node.replace('>=', '')}.0`)
  })

  it('refuses older ones with one sentence', () => {
    for (const version of ['20.18.9', '18.20.4', '8.17.0', '20.0.0-rc.1']) {
      expect(nodeProblem(version), version).to.equal(
        `limpet: this is Node ${version}, but Limpet needs Node ${OLDEST_NODE} or newer.`,
      )
    }
  })

  it('takes it and newer ones', () => {
    for (const version of [OLDEST_NODE, '20.19.1', '20.20.2', '22.0.0', '24.1.0-nightly', '100.0.0']) {
      expect(nodeProblem(version), version).to.equal(undefined)
    }
  })
})

describe('build: tools', () => {
  const search = (installed: string[], env: NodeJS.ProcessEnv = {}, platform: NodeJS.Platform = 'linux') => {
    const find = (command: string) => (installed.includes(command) ? `/usr/bin/${command}` : undefined)
    return findToolchain({ env, platform, find })
  }

  it('names each tool that is missing, and how to get it', () => {
    const { toolchain, missing } = search([])
    expect(toolchain).to.equal(undefined)
    expect(missing.map(sentence => sentence.match(/apt-get install \S+(?=\))/)?.[0])).to.deep.equal([
      'apt-get install g++',
      'apt-get install make',
      'apt-get install python3',
    ])
  })

  it('is content with any of the usual compilers', () => {
    for (const compiler of ['c++', 'g++', 'clang++']) {
      const { toolchain, missing } = search([compiler, 'make', 'python3'])
      expect({ compiler: toolchain?.compiler, missing }).to.deep.equal({ compiler, missing: [] })
    }
  })

  it('takes the compiler of CXX and no other', () => {
    const tools = ['g++', 'make', 'python', 'clang++-14', 'ccache']
    expect(search(tools, { CXX: 'clang++-14' }).toolchain?.compiler).to.equal('clang++-14')
    expect(search(tools, { CXX: 'ccache clang++-14 -m64' }).toolchain?.files).to.deep.equal([
      '/usr/bin/ccache',
      '/usr/bin/clang++-14',
    ])
    expect(search(tools, { CXX: 'icpx' }).missing).to.match(/CXX names "icpx"/)
    expect(search(tools, { CXX: 'ccache icpx' }).missing).to.have.length(1)
  })

  it('takes the Python that node-gyp would take', () => {
    expect(search(['g++', 'make', 'python3.12'], { PYTHON: 'python3.12' }).missing).to.deep.equal([])
    expect(search(['g++', 'make', 'python3'], { npm_config_python: 'python2' }).missing).to.have.length(1)
  })

  it('leaves the search to node-gyp on Windows', () => {
    expect(search([], {}, 'win32').missing).to.deep.equal([])
  })
})

describe('build: what was built from what', () => {
  const write = (root: string, files: Record<string, string>) => {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content)
  }

  it('tells any two sets of files apart, whatever the order in which they are listed', () => {
    const root = mkdtempSync(join(tmpdir(), 'limpet-hash-'))
    const files = fc.dictionary(fc.stringMatching(/^[ab]{1,3}$/), fc.string({ maxLength: 3 }), {
      minKeys: 1,
      maxKeys: 3,
    })
    const hash = (set: Record<string, string>, names = Object.keys(set)) => {
      write(root, set)
      return hashFiles(root, names)
    }
    const canonical = (set: Record<string, string>) => JSON.stringify(Object.entries(set).sort())
    try {
      fc.assert(
        fc.property(files, files, (one, other) => {
          expect(hash(one) === hash(other)).to.equal(canonical(one) === canonical(other))
          expect(hash(one, Object.keys(one).reverse())).to.equal(hash(one))
        }),
      )
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  })
})

/** In a process of its own: a file that is mapped here and written over later ends this one with SIGBUS. */
function versionOf(addon: string): string {
  const { stdout } = spawnSync(process.execPath, ['-p', 'require(process.argv[1]).version', addon], {
    encoding: 'utf8',
  })
  return stdout.trim()
}

// A checkout in small: the scripts are the real ones, the addon and the JavaScript are a few lines.
const ADDON = `#include <napi.h>
Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("version", Napi::String::New(env, LIMPET_VERSION));
  return exports;
}
NODE_API_MODULE(limpet, Init)
`

describe('build: a checkout', () => {
  let copy: string
  let bin: string
  before(() => {
    copy = realpathSync(mkdtempSync(join(tmpdir(), 'limpet build-')))
    for (const name of ['package.json', 'binding.gyp', 'tsconfig.json', 'tsconfig.build.json', 'scripts']) {
      cpSync(join(ROOT, name), join(copy, name), { recursive: true })
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    for (const name of ['addon.ts', 'errors.ts', 'native.ts', 'native', 'visible.ts']) {
      cpSync(join(ROOT, 'src', name), join(copy, 'src', name), { recursive: true })
    }
    const gypi = readFileSync(join(ROOT, 'bench/bench.gypi'), 'utf8')
    const programs = [...gypi.matchAll(/gyp\.mjs bench (\w+)/g)].map(([, name]) => `bench/${name}`)
    const parts = ['core', 'protocol', 'relay', 'os', 'addon'].map(name => `native/${name}`)
    for (const part of ['src', ...parts, 'bin', ...programs]) {
      mkdirSync(join(copy, part), { recursive: true })
    }
    for (const name of ['native/addon.gypi', 'native/flags.gypi', 'bench/bench.gypi']) {
      cpSync(join(ROOT, name), join(copy, name))
    }
    write('native/core/core.cc', 'int core() { return 0; }\n')
    for (const directory of programs) write(`${directory}/main.cc`, 'int main() { return 0; }\n')
    write('src/index.ts', 'export const answer: number = 42\n')
    write('native/addon/addon.cc', ADDON)
    bin = join(copy, 'bin')
    symlinkSync(process.execPath, join(bin, 'node'))
  })
  after(() => rmSync(copy, { recursive: true, force: true }))

  const write = (name: string, content: string) => writeFileSync(join(copy, name), content)
  const withoutTools = () => ({ PATH: bin })

  const build = (env: NodeJS.ProcessEnv = {}, ...args: string[]) => {
    const { CXX: _, ...rest } = process.env
    const options = { cwd: copy, env: { ...rest, ...env }, encoding: 'utf8' } as const
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/build.mjs', ...args], options)
    return { status, stdout, stderr }
  }

  const UP_TO_DATE = { status: 0, stdout: '', stderr: '' }

  it('says in a sentence that there is no compiler, and fails', () => {
    const { status, stderr } = build(withoutTools())
    expect(stderr).to.match(/^limpet: a C\+\+ compiler is needed/)
    expect(stderr).to.not.match(/^\s+at /m)
    expect(status).to.equal(1)
  })

  it('says in a sentence that the compiler is too old', () => {
    const old = join(copy, 'bin', 'old-c++')
    writeFileSync(old, '#!/bin/sh\necho "unrecognized option" >&2\nexit 1\n', { mode: 0o755 })
    const { status, stderr } = build({ PATH: `${bin}:${process.env.PATH}`, CXX: 'old-c++' })
    expect(stderr).to.equal(
      'unrecognized option\nlimpet: the compiler "old-c++" does not take -std=c++20; install GCC 11 or Clang 14 (or newer), or name one in CXX.\n',
    )
    expect(status).to.equal(1)
  })

  it('builds the addon with the stamp of the version, and the JavaScript; then nothing, also without a compiler', () => {
    const { status, stdout, stderr } = build()
    expect(stderr).to.equal('')
    expect(stdout).to.match(
      /^limpet: building the native addon \(release, .*\) …\nlimpet: compiling the JavaScript …\nlimpet: built\.\n$/,
    )
    expect(status).to.equal(0)
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    expect(versionOf(join(copy, 'build/Release/limpet.node'))).to.equal(version)
    expect(build()).to.deep.equal(UP_TO_DATE)
    expect(build(withoutTools())).to.deep.equal(UP_TO_DATE)
  })

  it('puts the addon where an installed package looks for it, again when it was built again', () => {
    const prebuilt = join(copy, 'prebuilds', prebuildName(ownHost()), 'limpet.node')
    expect(versionOf(prebuilt)).to.match(/^\d/)
    expect(existsSync(join(dirname(prebuilt), 'limpet-bench-pick'))).to.equal(true)
    writeFileSync(prebuilt, 'old')
    utimesSync(prebuilt, 0, 0)
    expect(build()).to.deep.equal(UP_TO_DATE)
    expect(statSync(prebuilt).size).to.be.greaterThan(1000)
  })

  it('builds the addon alone, and then the programs of the benchmarks', async () => {
    const program = join(copy, 'build/Release/limpet-bench-pick')
    rmSync(join(copy, 'build'), { recursive: true })
    const options = { root: copy, log: () => undefined }
    expect(await buildNative(options)).to.include({ built: true })
    expect(existsSync(program)).to.equal(false)
    expect(await buildNative({ ...options, programs: true })).to.include({ built: true })
    expect(existsSync(program)).to.equal(true)
    // Who wants less has it.
    expect(await buildNative(options)).to.include({ built: false })
    expect(await buildNative({ ...options, programs: true })).to.include({ built: false })
  })

  it('builds once when it is started twice at the same time', async () => {
    rmSync(join(copy, 'build'), { recursive: true })
    const start = () => promisify(execFile)(process.execPath, ['scripts/build.mjs'], { cwd: copy })
    const outputs = (await Promise.all([start(), start()])).map(({ stdout }) => stdout)
    for (const step of ['building the native addon', 'compiling the JavaScript']) {
      expect(
        outputs.filter(output => output.includes(step)),
        step,
      ).to.have.length(1)
    }
    expect(build()).to.deep.equal(UP_TO_DATE)
  })

  it('compiles again what changed, and leaves nothing of a source that is gone', () => {
    write('src/other.ts', 'export const other = 1\n')
    expect(build()).to.include({ status: 0, stdout: 'limpet: compiling the JavaScript …\nlimpet: built.\n' })
    expect(existsSync(join(copy, 'dist/other.js'))).to.equal(true)
    rmSync(join(copy, 'src/other.ts'))
    expect(build()).to.include({ status: 0 })
    expect(existsSync(join(copy, 'dist/other.js'))).to.equal(false)
  })

  it('says what is wrong in the sources, and keeps what it had compiled', () => {
    write('src/index.ts', 'export const answer: number = "42"\n')
    const { status, stderr } = build()
    expect(stderr).to.match(/^src\/index\.ts\(1,14\): error TS2322: .*\nlimpet: the JavaScript could not be built/)
    expect(status).to.equal(1)
    expect(readFileSync(join(copy, 'dist', 'index.js'), 'utf8')).to.include('answer = 42')
    write('src/index.ts', 'export const answer: number = 42\n')
  })

  it('shows what the compiler said about the addon, and no stack of its own', () => {
    write('native/addon/addon.cc', `${ADDON}int broken(\n`)
    const { status, stderr } = build()
    expect(stderr).to.match(/addon\.cc:\d+:\d+: error: .*[\s\S]*\nlimpet: the native addon could not be built/)
    expect(stderr).to.not.match(/gyp ERR!|^\s+at /m)
    expect(status).to.equal(1)
  })

  it('finds a symbol that is defined nowhere', () => {
    write(
      'native/addon/addon.cc',
      ADDON.replace('Napi::Object Init', 'int nowhere();\nNapi::Object Init').replace('return', 'nowhere();\n  return'),
    )
    const { status, stderr } = build()
    expect(stderr).to.match(
      /undefined symbol: .*nowhere.*\nlimpet: the native addon was built, but cannot be loaded\.\n$/,
    )
    expect(status).to.equal(1)
  })

  it('goes on after the mistake is mended', () => {
    write('native/addon/addon.cc', ADDON)
    expect(build()).to.include({ status: 0, stderr: '' })
    expect(build()).to.deep.equal(UP_TO_DATE)
  })

  it('builds a damaged addon anew when asked for the addon', () => {
    writeFileSync(join(copy, 'build/Release/limpet.node'), 'damaged')
    expect(build({}, '--native').stdout).to.match(/^limpet: building the native addon .*\nlimpet: built\.\n$/)
    expect(build({}, '--native').stdout).to.equal('limpet: the native addon is up to date.\n')
  })

  it('compiles again when a file of gyp changes', () => {
    expect(build()).to.include({ status: 0 })
    for (const name of ['native/addon.gypi', 'native/flags.gypi', 'bench/bench.gypi', 'binding.gyp']) {
      write(name, `${readFileSync(join(copy, name), 'utf8')}# changed\n`)
      expect(build(withoutTools()), name).to.include({ status: 1 })
      cpSync(join(ROOT, name), join(copy, name))
      expect(build(withoutTools()), name).to.deep.equal(UP_TO_DATE)
    }
  })

  describe('without a binding.gyp, as it is installed', () => {
    const built = () => join(copy, 'build/Release/limpet.node')
    before(() => rmSync(join(copy, 'binding.gyp')))

    it('builds, and leaves none that npm would compile by', () => {
      expect(build({}, '--native').stdout).to.match(/^limpet: building the native addon /)
      expect(existsSync(built())).to.equal(true)
      expect(existsSync(join(copy, 'binding.gyp'))).to.equal(false)
      expect(build({}, '--native').stdout).to.equal('limpet: the native addon is up to date.\n')
      expect(readFileSync(join(ROOT, 'binding.gyp'), 'utf8')).to.equal(BINDING)
    })

    it('builds nothing where the addon that came with it can be loaded', async () => {
      const prebuilt = join(copy, 'shipped.node')
      cpSync(built(), prebuilt)
      rmSync(join(copy, 'build'), { recursive: true })
      const options = { root: copy, verify: true, prebuilt, log: () => undefined }
      expect(await buildNative(options)).to.deep.equal({ path: prebuilt, built: false })
      writeFileSync(prebuilt, 'of another machine')
      expect(await buildNative(options)).to.deep.equal({ path: built(), built: true })
    })
  })
})
