import { EventEmitter } from 'node:events'
import { expect } from 'chai'
import { BuildError, type BuildNativeOptions } from '../../scripts/build-native.mjs'
import { type Builder, buildNativeCommand } from '../../src/cli/build-native.ts'
import { CliError } from '../../src/cli/cli-error.ts'
import { Terminal } from '../../src/cli/terminal.ts'
import { Recorder } from './helpers.ts'

// Compiling takes long and replaces the addon that other tests use; test/unit/scripts tests the build itself.
describe('cli: build-native', () => {
  const given: BuildNativeOptions[] = []

  async function build(
    options: object,
    result: { built: boolean } | Error,
  ): Promise<{ status: number | Error; stdout: string; stderr: string }> {
    const [stdout, stderr] = [new Recorder(), new Recorder()]
    const io = {
      stdin: [] as never,
      stdout: new Terminal(stdout.stream, {}),
      stderr: new Terminal(stderr.stream, {}),
      env: {},
      signals: new EventEmitter(),
    }
    const builder: Builder = {
      BuildError,
      buildNative: async settings => {
        given.push(settings)
        settings.log?.('limpet: building …')
        if (result instanceof Error) throw result
        return { path: '/x/limpet.node', ...result }
      },
    }
    const status = await buildNativeCommand(options, io, builder).catch((error: Error) => error)
    return { status, stdout: stdout.text, stderr: stderr.text }
  }

  beforeEach(() => {
    given.length = 0
  })

  it('passes its options on and says what was done', async () => {
    expect(await build({}, { built: false })).to.deep.equal({
      status: 0,
      stdout: 'limpet: building …\nlimpet: /x/limpet.node is up to date.\n',
      stderr: '',
    })
    expect(await build({ debug: true, force: true, bench: true }, { built: true })).to.include({
      stdout: 'limpet: building …\nlimpet: /x/limpet.node was built.\n',
    })
    expect(given).to.have.length(2)
    expect(given[0]).to.include({ debug: false, force: false, programs: false, verify: true })
    expect(given[1]).to.include({ debug: true, force: true, programs: true, verify: true })
  })

  it('shows what the compiler said, and then the sentence', async () => {
    const { status, stdout, stderr } = await build({}, new BuildError('it cannot be built.', 'x.cc:1: error\n'))
    expect(status).to.be.instanceOf(CliError)
    expect(status).to.include({ message: 'it cannot be built.', exitCode: 1 })
    expect({ stdout, stderr }).to.deep.equal({ stdout: 'limpet: building …\n', stderr: 'x.cc:1: error\n' })
  })

  it('leaves a fault a fault', async () => {
    const fault = new TypeError('a fault')
    expect((await build({}, fault)).status).to.equal(fault)
  })
})
