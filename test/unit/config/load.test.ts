import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { type LoadOptions, loadConfig } from '../../../src/config/load.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import type { ResolvedConfig } from '../../../src/config/resolved.ts'
import { formatProblem, LimpetConfigError, LimpetError } from '../../../src/errors.ts'
import { caught, HERMETIC, linesOf, poolText } from './helpers.ts'

const SECRET = 'a secret of the tests'

describe('loadConfig()', () => {
  let directory: string
  let file: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'limpet-config-'))
    file = join(directory, 'limpet.yaml')
  })
  afterEach(() => rm(directory, { recursive: true }))

  const options: LoadOptions = { env: {}, localAddresses: new Set() }
  const load = (): Promise<ResolvedConfig> => loadConfig(file, options)
  async function rejected(): Promise<LimpetError> {
    return load().then(
      () => expect.fail('nothing was refused'),
      error => {
        expect(error).to.be.instanceOf(LimpetError)
        return error
      },
    )
  }

  it('reads a file', async () => {
    await writeFile(file, '\uFEFFpools: { p: {} }\n')
    const config = await load()
    expect(config.file).to.equal(file)
    expect([...config.pools.keys()]).to.deep.equal(['p'])
    expect(config.warnings[0]).to.include(`${file}:1:1: `)
  })

  it('gives every problem the place in the file', async () => {
    await writeFile(file, poolText('foo: 1'))
    const error = await rejected()
    expect(error).to.be.instanceOf(LimpetConfigError).and.to.include({ path: file })
    expect(error.message).to.include(`${file}:3:5: pools.p.foo: unknown key`)
  })

  it('says why a file cannot be read', async () => {
    const missing = await rejected()
    expect(missing).to.include({ code: 'LIMPET_ERR_CONFIG_READ', path: file })
    expect(missing.message).to.equal(`cannot read the configuration file "${file}": it does not exist`)
    expect(missing.cause).to.include({ code: 'ENOENT' })
    await mkdir(file)
    expect((await rejected()).message).to.match(/: it is a directory$/)
  })

  it('refuses what is not UTF-8 text, with its place', async () => {
    await writeFile(file, Buffer.concat([Buffer.from('pools:\n  pä: '), Buffer.from([0xff, 0x0a])]))
    expect((await rejected()).message).to.equal(
      `${file}:2:7: the file is not UTF-8 text: this byte cannot be read. Accepted: UTF-8`,
    )
    await writeFile(file, Buffer.from('pools: {}', 'utf16le'))
    expect(await rejected()).to.be.instanceOf(LimpetConfigError)
  })

  it('refuses a file that is too large, without reading all of it', async () => {
    await writeFile(file, Buffer.alloc(9 * 1024 * 1024, '# comment\n'))
    expect((await rejected()).message).to.match(/:1:1: the text has 4194305 bytes\. Accepted: at most 4 MiB/)
  })

  it('reads a pipe', async function () {
    if (process.platform === 'win32') this.skip()
    execFileSync('mkfifo', [file])
    const [config] = await Promise.all([load(), writeFile(file, 'pools: { p: {} }\n')])
    expect(config.pools.size).to.equal(1)
  })

  describe('with a secret in a file', () => {
    const secretText = (path: string): string => poolText(`secret: { file: ${JSON.stringify(path)} }`)
    const bytes = async (): Promise<string | undefined> => (await load()).pools.get('p')?.secret.bytes().toString()

    it('finds it beside the configuration', async () => {
      await writeFile(file, secretText('secret.txt'))
      await writeFile(join(directory, 'secret.txt'), SECRET, { mode: 0o600 })
      expect(await bytes()).to.equal(SECRET)
      expect((await load()).warnings.join()).not.to.include('can read')
    })

    it('does not count one line break at its end', async () => {
      await writeFile(file, secretText(join(directory, 'secret.txt')))
      for (const [content, secret] of [
        [`${SECRET}\n`, SECRET],
        [`${SECRET}\r\n`, SECRET],
        [`${SECRET}\n\n`, `${SECRET}\n`],
        [` ${SECRET} `, ` ${SECRET} `],
        [`${'x'.repeat(4096)}\r\n`, 'x'.repeat(4096)],
      ]) {
        await writeFile(join(directory, 'secret.txt'), content ?? '')
        expect(await bytes()).to.equal(secret)
      }
    })

    it('takes bytes that are no text', async () => {
      await writeFile(file, secretText('secret.bin'))
      const secret = Buffer.from([0xff, 0, 1, 2, 0xfe, 0x0a, 3, 4, 5])
      await writeFile(join(directory, 'secret.bin'), secret)
      expect((await load()).pools.get('p')?.secret.bytes()).to.deep.equal(secret)
    })

    it('warns when everybody can read it', async () => {
      await writeFile(file, secretText('secret.txt'))
      await writeFile(join(directory, 'secret.txt'), SECRET)
      await chmod(join(directory, 'secret.txt'), 0o644)
      expect((await load()).warnings).to.include(
        `${file}:3:21: pools.p.secret.file: every user of this host can read "secret.txt"`,
      )
    })

    it('says what is wrong with it, at its place', async () => {
      await writeFile(file, secretText('secret.txt'))
      const path = join(directory, 'secret.txt')
      const told = async (): Promise<string> =>
        (await rejected()).message.replace(`${file}:3:21: pools.p.secret.file: `, '')
      expect(await told()).to.equal(`the file "${path}" does not exist. Accepted: a file that holds 8 to 4096 bytes`)
      await writeFile(path, '')
      expect(await told()).to.equal('the secret has only 0 bytes. Accepted: 8 to 4096 bytes')
      await writeFile(path, 'seven77\n')
      expect(await told()).to.equal('the secret has only 7 bytes. Accepted: 8 to 4096 bytes')
      await writeFile(path, 'x'.repeat(4097))
      expect(await told()).to.equal('the secret has more than 4096 bytes. Accepted: 8 to 4096 bytes')
      await rm(path)
      await mkdir(path)
      expect(await told()).to.equal(
        `the file "${path}" is not a regular file. Accepted: a file that holds 8 to 4096 bytes`,
      )
    })

    it('does not wait for a pipe that nobody writes to', async function () {
      if (process.platform === 'win32') this.skip()
      execFileSync('mkfifo', [join(directory, 'pipe')])
      await writeFile(file, secretText('pipe'))
      expect((await rejected()).message).to.include('is not a regular file')
    })
  })
})

describe('a secret in the environment', () => {
  const text = poolText('secret: { env: LIMPET_SECRET }')

  it('is taken as it is', () => {
    const config = resolveOptions(
      { pools: { p: { secret: { env: 'LIMPET_SECRET' } } } },
      { ...HERMETIC, env: { LIMPET_SECRET: `${SECRET}\n` } },
    )
    expect(config.pools.get('p')?.secret.bytes().toString()).to.equal(`${SECRET}\n`)
    expect(config.pools.get('p')?.secret.source).to.deep.equal({ kind: 'env', name: 'LIMPET_SECRET' })
  })

  it('comes from the environment of the process by default', () => {
    const { problems } = caught(() => resolveOptions({ pools: { p: { secret: { env: 'LIMPET_TEST_NOT_SET' } } } }))
    expect(problems.map(formatProblem)).to.deep.equal([
      'pools.p.secret.env: the environment variable "LIMPET_TEST_NOT_SET" is not set. Accepted: a variable that holds 8 to 4096 bytes',
    ])
    expect(problems[0]?.code).to.equal('LIMPET_ERR_BAD_SECRET')
  })

  it('is refused when it is missing, empty or short, at its place', () => {
    const told = (env: Record<string, string>): string[] => linesOf(text, { env })
    expect(told({})).to.deep.equal([
      'limpet.yaml:3:20: pools.p.secret.env: the environment variable "LIMPET_SECRET" is not set. Accepted: a variable that holds 8 to 4096 bytes',
    ])
    expect(told({ LIMPET_SECRET: '' })[0]).to.include('the environment variable "LIMPET_SECRET" is empty')
    expect(told({ LIMPET_SECRET: 'seven77' })).to.deep.equal([
      'limpet.yaml:3:20: pools.p.secret.env: the secret has only 7 bytes. Accepted: 8 to 4096 bytes',
    ])
  })
})
