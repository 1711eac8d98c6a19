import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { ResolvedFileDiscovery } from '../../src/config/discovery.ts'
import { resolveOptions } from '../../src/config/resolve.ts'
import { DiscoveryFailure } from '../../src/discovery/failure.ts'
import { FileSource } from '../../src/discovery/file-source.ts'
import { Directory } from '../helpers/directory.ts'

const SIGNAL = new AbortController().signal

describe('a file of backends', () => {
  let directory: Directory
  let file: string
  beforeEach(async () => {
    directory = await Directory.make()
    file = directory.file('backends.yaml')
  })
  afterEach(() => directory[Symbol.asyncDispose]())

  function sourceOf(rest: object = {}): FileSource {
    const config = resolveOptions(
      { pools: { p: { backends: { file: 'backends.yaml', ...rest } } } },
      { directory: directory.path },
    )
    return new FileSource(config.pools.get('p')?.discovery as ResolvedFileDiscovery)
  }

  async function names(source: FileSource, isUrgent = false): Promise<string[]> {
    return (await source.look(new Map(), SIGNAL, isUrgent)).backends.map(({ name }) => name)
  }

  async function failure(source: FileSource): Promise<string> {
    const error = await source.look(new Map(), SIGNAL, true).catch((thrown: unknown) => thrown)
    expect(error).to.be.instanceOf(DiscoveryFailure)
    return `${(error as DiscoveryFailure).kind}: ${(error as DiscoveryFailure).message}`
  }

  const listOf = (...all: string[]): string => all.map(name => `- { name: ${name}, address: 192.0.2.1:80 }\n`).join('')

  it('is a list as in the configuration, or the same in JSON; what an entry does not say is said for all', async () => {
    await writeFile(
      file,
      '- { name: a, address: 192.0.2.1:80, weight: 5, health: pool }\n- { name: b, address: "[::1]:80", backup: true }\n',
    )
    const common = { weight: 3, maxSessions: 10, health: 'off' }
    const { backends } = await sourceOf(common).look(new Map(), SIGNAL, false)
    expect(
      backends.map(({ name, weight, maxSessions, backup, health }) => ({ name, weight, maxSessions, backup, health })),
    ).to.deep.equal([
      { name: 'a', weight: 5, maxSessions: 10, backup: false, health: 'pool' },
      { name: 'b', weight: 3, maxSessions: 10, backup: true, health: 'off' },
    ])
    await writeFile(file, JSON.stringify([{ name: 'j', address: 'host.test:80' }]))
    expect(await names(sourceOf())).to.deep.equal(['j'])
  })

  it('is read when it has looked the same two times', async () => {
    const source = sourceOf()
    await writeFile(file, listOf('a'))
    expect(await names(source)).to.deep.equal(['a'])
    const first = await source.look(new Map(), SIGNAL, false)
    await writeFile(file, listOf('a', 'b'))
    expect(await source.look(new Map(), SIGNAL, false)).to.equal(first)
    expect(await names(source)).to.deep.equal(['a', 'b'])
    await writeFile(file, listOf('c'))
    // Somebody waits for it.
    expect(await names(source, true)).to.deep.equal(['c'])
  })

  it('may be renamed over, and be reached through links that lead elsewhere', async () => {
    // As Kubernetes shows a ConfigMap: ..data is a link to a directory, and is replaced by another one.
    for (const version of ['1', '2']) {
      await mkdir(directory.file(version))
      await writeFile(`${directory.file(version)}/backends.yaml`, listOf(`v${version}`))
    }
    await symlink('1', directory.file('..data'))
    await symlink('..data/backends.yaml', file)
    const source = sourceOf()
    expect(await names(source)).to.deep.equal(['v1'])
    await symlink('2', directory.file('..data_tmp'))
    await rename(directory.file('..data_tmp'), directory.file('..data'))
    expect(await names(source)).to.deep.equal(['v1'])
    expect(await names(source)).to.deep.equal(['v2'])
    await rm(file)
    await writeFile(directory.file('next'), listOf('v3'))
    await rename(directory.file('next'), file)
    expect(await names(source, true)).to.deep.equal(['v3'])
  })

  it('says what is wrong, and where', async () => {
    const source = sourceOf()
    expect(await failure(source)).to.match(/^unreadable: .*ENOENT/)
    const wrong: [string | Buffer, RegExp][] = [
      [
        '- { name: a, address: 192.0.2.1:80 }\n- { name: b }\n',
        /^malformed: .*backends\.yaml:2:3: \[1\]\.address: is missing$/,
      ],
      [
        '- { name: a, address: 192.0.2.1:80 }\n- { name: a, address: 192.0.2.2:80 }\n',
        /there is already a backend "a", entry \[0\]$/,
      ],
      ['- { name: a, addr', /^malformed: .*backends\.yaml:1:/],
      ['pools: {}', /expected a list/],
      ['', /^malformed: /],
      [Buffer.from([0xff, 0xfe]), /not UTF-8/],
      [`# ${'x'.repeat(5 * 2 ** 20)}`, /^malformed: .*bytes/],
    ]
    for (const [text, message] of wrong) {
      await writeFile(file, text)
      expect(await failure(source)).to.match(message)
    }
    await rm(file)
    await mkdir(file)
    expect(await failure(source)).to.match(/^unreadable: .* is no file$/)
  })
})
