import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import {
  Balancer,
  type BalancerOptions,
  LimpetConfigError,
  type LimpetError,
  loadConfig,
  parseConfig,
} from '../../src/index.ts'
import { limpet } from '../cli/helpers.ts'
import { Directory } from '../helpers/directory.ts'
import { LimpetRun } from '../helpers/limpet-run.ts'
import { Conn, freePort } from '../helpers/net.ts'
import { Backend, echo } from '../helpers/servers.ts'
import { TEST_MS } from '../helpers/wait.ts'

const SILENT = { level: 'silent' } as const

/** The rest of a line is the key. */
const MODULE = `
export const playerId = head => {
  const end = head.indexOf(10)
  return end < 0 ? 'more' : head.subarray(0, end)
}
export default playerId
export const number = 7
`

describe('keys made by modules', function () {
  this.timeout(TEST_MS)
  let directory: Directory
  beforeEach(async () => {
    directory = await Directory.make()
    await writeFile(directory.file('key.mjs'), MODULE)
  })
  afterEach(async () => {
    await directory[Symbol.asyncDispose]()
  })

  /** A configuration file beside the module. */
  async function write(key: unknown, backends: readonly Backend[] = [], acceptor = 'auto'): Promise<string> {
    const file = directory.file('limpet.yaml')
    const config = {
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', acceptor }],
      pools: {
        p: {
          affinity: { key, fallback: 'refuse' },
          backends: backends.map(({ name, address }) => ({ name, address })),
        },
      },
      log: { sessions: 'on' },
    }
    await LimpetRun.write(file, JSON.stringify(config))
    return file
  }

  it('serve clients by the file that the configuration names, relative to it', async () => {
    const backends = await Promise.all(['a', 'b', 'c'].map(name => Backend.start({ name, serve: echo })))
    try {
      const file = await write({ module: './key.mjs#playerId' }, backends)
      await using run = await LimpetRun.start(file)
      for (let n = 0; n < 3; n++) {
        const client = await Conn.open(run.dial('l'))
        expect(await client.echo('ann\nhello')).to.equal('ann\nhello')
        client.destroy()
      }
      const sessions = await run.sessions(3)
      const { stdout } = await limpet(['explain', '-c', file, '--key', '--json', 'ann'])
      const { home } = JSON.parse(stdout)
      expect(sessions.map(({ backend }) => backend)).to.deep.equal([home, home, home])
      expect(sessions.map(({ relay }) => relay)).to.include(process.platform === 'linux' ? 'native' : 'stream')
      await writeFile(directory.file('other.mjs'), MODULE)
      expect(await run.reload(file, (await configText(file)).replace('key.mjs', 'other.mjs'))).to.match(/^not reloaded/)
      expect(await run.reload(file, (await configText(file)).replace('other.mjs', 'gone.mjs'))).to.match(
        /^not reloaded/,
      )
    } finally {
      await Promise.all(backends.map(backend => backend[Symbol.asyncDispose]()))
    }
  })

  it('are told by check as they are written', async () => {
    const file = await write([{ module: './key.mjs#default' }, 'source'])
    const { status, stdout } = await limpet(['check', '-c', file, '--json'])
    expect([status, JSON.parse(stdout).settings.pools.p.affinity.key]).to.deep.equal([
      0,
      [{ module: './key.mjs#default' }, 'source'],
    ])
  })

  const WRONG: [key: unknown, message: RegExp][] = [
    [{ module: './gone.mjs#playerId' }, /there is no file .*gone\.mjs/],
    [{ module: './dir.mjs#playerId' }, /dir\.mjs is no file/],
    [{ module: './key.mjs#nobody' }, /exports no nobody, but default, number, playerId/],
    [{ module: './key.mjs#number' }, /number of the module is no function/],
    [{ module: './broken.mjs#playerId' }, /cannot be loaded/],
    [{ module: './throws.mjs#playerId' }, /cannot be loaded: not today/],
  ]
  for (const [key, message] of WRONG) {
    it(`are refused where they cannot be used: ${JSON.stringify(key)}`, async () => {
      await mkdir(directory.file('dir.mjs'))
      await writeFile(directory.file('broken.mjs'), 'export const = 1')
      await writeFile(directory.file('throws.mjs'), 'throw new Error("not today")')
      const file = await write(key)
      const { status, stdout } = await limpet(['check', '-c', file, '--json'])
      const [problem] = JSON.parse(stdout).problems
      expect(status).to.equal(78)
      expect(problem).to.include({ code: 'LIMPET_ERR_KEY_MODULE', path: 'pools.p.affinity.key', line: 1 })
      expect(problem.message).to.match(message)
    })
  }

  it('may be TypeScript where Node runs that; otherwise it is said that it does not', async () => {
    await writeFile(directory.file('key.ts'), 'export const key = (head: Buffer): string => String(head)')
    const file = await write({ module: './key.ts#key' })
    const { status, stdout } = await limpet(['check', '-c', file, '--json'])
    if ((process.features as { typescript?: unknown }).typescript) {
      expect(status).to.equal(0)
      return
    }
    expect(status).to.equal(78)
    expect(JSON.parse(stdout).problems[0].message).to.match(/does not run TypeScript/)
  })

  it('exclude the native acceptor', async () => {
    const file = await write({ module: './key.mjs#playerId' }, [], 'native')
    const { status, stdout } = await limpet(['check', '-c', file, '--json'])
    expect(status).to.equal(78)
    expect(JSON.parse(stdout).problems[0]).to.include({ code: 'LIMPET_ERR_CONFIG', path: 'listeners[0].acceptor' })
  })

  it('are loaded by listen() where nobody has done so before', async () => {
    const text = (key: string): string =>
      `{ log: { level: silent }, pools: { p: { affinity: { key: { module: ${JSON.stringify(key)} } } } } }`
    const options = { directory: directory.path }
    await using good = new Balancer(parseConfig(text('./key.mjs#playerId'), options))
    await good.listen()
    await using bad = new Balancer(parseConfig(text('./gone.mjs#playerId'), options))
    const error = await bad.listen().catch((caught: unknown) => caught)
    expect(error).to.be.instanceOf(LimpetConfigError)
    expect((error as LimpetConfigError).problems[0]?.code).to.equal('LIMPET_ERR_KEY_MODULE')
    expect(bad.status).to.equal('idle')
  })

  it('are compared by what they are at a reload: functions of one name are two', async () => {
    const options = (key: () => string): ConstructorParameters<typeof Balancer>[0] => ({
      log: SILENT,
      pools: { p: { affinity: { key } } },
    })
    const [key, other] = [{ key: () => 'a' }, { key: () => 'b' }]
    await using balancer = new Balancer(options(key.key))
    await balancer.listen()
    expect(balancer.settings().pools.p?.affinity.key).to.equal('[Function key]')
    await balancer.reload(options(key.key))
    const error = await balancer.reload(options(other.key)).catch((caught: unknown) => caught)
    expect((error as LimpetError).code).to.equal('LIMPET_ERR_NEEDS_RESTART')
    expect((error as LimpetError).message).to.include('pools.p.affinity.key')
  })

  it('need a restart where a listener that has the native acceptor changes to a pool of theirs', async function () {
    if (process.platform !== 'linux') this.skip()
    const bind = `127.0.0.1:${await freePort()}`
    const options = (pool: string): BalancerOptions => ({
      listeners: [{ name: 'l', bind, pool }],
      pools: { p: {}, q: { affinity: { key: { regex: '/^(.)/' } } } },
      log: SILENT,
    })
    await using balancer = new Balancer(options('p'))
    await balancer.listen()
    const error = await balancer.reload(options('q')).catch((caught: unknown) => caught)
    expect((error as LimpetError).code).to.equal('LIMPET_ERR_NEEDS_RESTART')
    expect((error as LimpetError).message).to.include('listeners.l.pool')
    await balancer.reload(options('p'))
  })

  it('can come with a new pool at a reload', async () => {
    await using balancer = new Balancer({ log: SILENT, pools: { p: {} } })
    await balancer.listen()
    const next = { log: SILENT, pools: { p: {}, q: { affinity: { key: { module: './key.mjs#playerId' } } } } }
    await balancer.reload(parseConfig(JSON.stringify(next), { directory: directory.path }))
    expect(balancer.pool('q').explain(Buffer.from('ann')).key).to.match(/^#/)
    const gone = JSON.stringify(next).replace('key.mjs', 'gone.mjs')
    const error = await balancer
      .reload(parseConfig(gone, { directory: directory.path }))
      .catch((caught: unknown) => caught)
    expect(error).to.be.instanceOf(LimpetConfigError)
    await writeFile(directory.file('limpet.yaml'), gone)
    const loading = await loadConfig(directory.file('limpet.yaml')).catch((caught: unknown) => caught)
    expect(loading).to.be.instanceOf(LimpetConfigError)
  })
})

async function configText(file: string): Promise<string> {
  return await readFile(file, 'utf8')
}
