import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { type AddonSearch, addonCandidates, findAddon, loadAddon, ownHost, prebuildName } from '../../src/addon.ts'
import { LimpetError } from '../../src/errors.ts'

const HOST = { platform: 'linux', arch: 'x64', musl: false }

describe('addon loader', () => {
  let root: string
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'limpet-addon-'))
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  const search = (changes: Partial<AddonSearch> = {}): AddonSearch => {
    return { root, version: '1.2.3', host: HOST, env: {}, ...changes }
  }

  const failure = (changes: Partial<AddonSearch> = {}): LimpetError => {
    try {
      findAddon(search(changes))
    } catch (error) {
      if (error instanceof LimpetError) return error
      throw error
    }
    throw new Error('an addon was loaded where there is none')
  }

  // The loader requires whatever the file is: a CommonJS module does for what is tested here.
  const place = (path: string, version: string): string => {
    mkdirSync(resolve(path, '..'), { recursive: true })
    writeFileSync(path, `exports.version = ${JSON.stringify(version)}`)
    return path
  }

  it('loads the built addon, always the same object', () => {
    const addon = loadAddon()
    expect(loadAddon()).to.equal(addon)
    expect(addon.version).to.match(/^\d+\.\d+\.\d+/)
  })

  it('names the prebuilt addon by platform, architecture and C library', () => {
    expect(prebuildName(HOST)).to.equal('linux-x64')
    expect(prebuildName({ ...HOST, arch: 'arm64', musl: true })).to.equal('linux-arm64-musl')
    const { platform, arch } = ownHost()
    expect({ platform, arch }).to.deep.equal({ platform: process.platform, arch: process.arch })
  })

  it('tries the release build before the prebuilt addon', () => {
    expect(addonCandidates(search())).to.deep.equal([
      join(root, 'build/Release/limpet.node'),
      join(root, 'prebuilds/linux-x64/limpet.node'),
    ])
  })

  it('tries the debug build first with LIMPET_DEBUG_ADDON', () => {
    const paths = addonCandidates(search({ env: { LIMPET_DEBUG_ADDON: '1' } }))
    expect(paths[0]).to.equal(join(root, 'build/Debug/limpet.node'))
    expect(paths).to.have.length(3)
  })

  it('tries only LIMPET_ADDON when it is set, relative to the working directory', () => {
    expect(addonCandidates(search({ env: { LIMPET_ADDON: 'some/file.node' } }))).to.deep.equal([
      resolve('some/file.node'),
    ])
  })

  it('fails with one code, naming machine, every path with its cause, and the command of an installed package', () => {
    const error = failure()
    expect(error.code).to.equal('LIMPET_ERR_ADDON_LOAD')
    expect(error.message).to.include('limpet 1.2.3')
    expect(error.message).to.include(`linux-x64, glibc, Node ${process.version}, Node-API ${process.versions.napi}`)
    for (const path of addonCandidates(search())) expect(error.message).to.include(`${path}: there is no such file`)
    expect(error.message).to.include('npx limpet build-native')
    expect((error.cause as AggregateError).errors).to.have.length(2)
  })

  it('names the command of a checkout where there are sources', () => {
    const checkout = mkdtempSync(join(tmpdir(), 'limpet-checkout-'))
    try {
      place(join(checkout, 'src/addon.ts'), '')
      expect(failure({ root: checkout }).message).to.include('npm run build:native')
    } finally {
      rmSync(checkout, { recursive: true, force: true })
    }
  })

  it('says which library C programs use only on Linux', () => {
    expect(failure({ host: { platform: 'darwin', arch: 'arm64', musl: false } }).message).to.include(
      '(darwin-arm64, Node ',
    )
    expect(failure({ host: { ...HOST, musl: true } }).message).to.include('linux-x64, musl')
  })

  it('keeps the cause of a file that is no addon', () => {
    const path = join(root, 'broken', 'limpet.node')
    mkdirSync(join(root, 'broken'))
    writeFileSync(path, 'not an addon')
    const error = failure({ env: { LIMPET_ADDON: path } })
    expect(error.message).to.match(
      /broken\/limpet\.node: .*(file too short|invalid ELF header|not a mach-o file|not a valid)/i,
    )
    expect(error.message).to.include('unset LIMPET_ADDON')
    expect(error.cause).to.be.an('error').with.nested.property('cause.code', 'ERR_DLOPEN_FAILED')
  })

  it('refuses a stale addon and says so', () => {
    const path = place(join(root, 'stale', 'limpet.js'), '1.0.0')
    const error = failure({ env: { LIMPET_ADDON: path } })
    expect(error.message).to.include('a stale build: it was built from version 1.0.0, and this is version 1.2.3')
  })

  it('takes an addon of the right version', () => {
    const path = place(join(root, 'good', 'limpet.js'), '1.2.3')
    expect(findAddon(search({ env: { LIMPET_ADDON: path } })).version).to.equal('1.2.3')
  })
})
