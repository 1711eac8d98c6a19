import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import type { BackendOptions, BalancerOptions } from '../../src/config/options.ts'
import { cleanUp as cleanUpFiles, fileOf, limpet } from '../cli/helpers.ts'
import { Directory } from '../helpers/directory.ts'
import { LimpetRun } from '../helpers/limpet-run.ts'
import { afterTest, cleanUp } from '../lifecycle/helpers.ts'
import { AdminClient, EventReader } from './helpers.ts'

const A = { name: 'a', address: '127.0.0.1:9' }
const B = { name: 'b', address: '127.0.0.1:10' }
const RELOAD = { body: {} }

interface Refusal {
  error: { code: string; message: string; problems?: { path: string; line?: number }[] }
}

describe('admin API: limpet run', () => {
  afterEach(cleanUp)
  after(cleanUpFiles)

  /** A program with the admin API, the file that it reads, and how that is written. */
  async function start() {
    const directory = await Directory.make()
    afterTest(() => directory[Symbol.asyncDispose]())
    const file = directory.file('limpet.yaml')
    const socket = directory.file('admin.sock')
    const config = (backends: BackendOptions[], more: Partial<BalancerOptions> = {}): BalancerOptions => ({
      state: directory.file('state.json'),
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }],
      pools: { p: { secret: 'a secret of tests', backends } },
      admin: { listen: `unix:${socket}` },
      ...more,
    })
    await LimpetRun.write(file, config([A]))
    const run = await LimpetRun.start(file)
    afterTest(() => run[Symbol.asyncDispose]())
    return { run, file, config, client: new AdminClient({ socketPath: socket }) }
  }

  it('reads its file again when it is asked to, and tells what is wrong with it', async () => {
    const { run, file, config, client } = await start()
    const status = (await client.json('GET', '/v1/status')) as { config: string; pid: number }
    expect(status.config).to.equal(file)
    expect(status.pid).to.not.equal(process.pid)
    const reader = await EventReader.open(client)
    expect((await reader.next()).data).to.deep.equal({ generation: 1, missed: false })

    await LimpetRun.write(file, config([A, B]))
    const done = (await client.json('POST', '/v1/reload', RELOAD)) as { generation: number; added: { name: string }[] }
    expect([done.generation, done.added.map(({ name }) => name)]).to.deep.equal([2, ['b']])
    const told = [await reader.next(), await reader.next(), await reader.next()].map(({ event }) => event)
    expect(told).to.deep.equal(['backendAdded', 'reloaded', 'clientsMoved'])

    await LimpetRun.write(file, config([A], { threads: 3 }))
    expect(await client.refusal('POST', '/v1/reload', RELOAD)).to.deep.equal([409, 'LIMPET_ERR_NEEDS_RESTART'])
    await writeFile(file, 'pools: { p: { backends: [{ name: a, adress: x }] } }\n')
    const { status: code, text } = await client.ask('POST', '/v1/reload', RELOAD)
    const { error } = JSON.parse(text) as Refusal
    expect([code, error.code]).to.deep.equal([400, 'LIMPET_ERR_CONFIG'])
    expect(error.problems?.map(({ path }) => path)).to.include('pools.p.backends[0].adress')
    expect(error.problems?.[0]?.line).to.equal(1)

    expect(await run.reload(file, config([B]))).to.equal('reloaded')
    expect((await reader.next()).event).to.equal('backendRemoved')
    expect((await reader.next()).data).to.deep.include({ generation: 3 })
    expect((await run.stop()).code).to.equal(0)
  })

  it('says why a reload is refused: a port, or the file of a stick table, that something else has', async () => {
    const { file, config, client } = await start()
    const other = createServer().listen(0, '127.0.0.1')
    afterTest(() => other.close())
    await once(other, 'listening')
    const bind = `127.0.0.1:${(other.address() as AddressInfo).port}`
    await LimpetRun.write(file, config([A], { listeners: [{ name: 'l', bind, pool: 'p' }] }))
    const taken = await client.ask('POST', '/v1/reload', RELOAD)
    const { error } = JSON.parse(taken.text) as Refusal
    expect([taken.status, error.code]).to.deep.equal([409, 'LIMPET_ERR_BAD_ADDRESS'])
    expect(error.message)
      .to.match(/^the listener l cannot be opened: .*EADDRINUSE/u)
      .and.to.include(bind)

    const pools = { p: { secret: 'a secret of tests', backends: [A], stickTable: { file: '/dev/null/table' } } }
    await LimpetRun.write(file, config([A], { pools: { ...config([A]).pools, q: pools.p } }))
    expect(await client.refusal('POST', '/v1/reload', RELOAD)).to.deep.equal([409, 'LIMPET_ERR_TABLE_FILE'])
    expect(await client.json('GET', '/v1/status')).to.deep.include({ generation: 1 })
  })

  it('has kept a change when it answers, whatever happens to the process then', async () => {
    const { run, file, client, config } = await start()
    expect((await client.ask('PATCH', '/v1/pools/p/backends/a', { body: { state: 'maint' } })).status).to.equal(200)
    await run.stop('SIGKILL')
    const again = await LimpetRun.start(file)
    afterTest(() => again[Symbol.asyncDispose]())
    expect(await client.json('GET', '/v1/pools/p/backends/a')).to.include({ state: 'maint' })
    const other = join(dirname(file), 'other.yaml')
    await LimpetRun.write(other, { ...config([A]), admin: undefined })
    const { status, stderr } = await limpet(['run', '-c', other])
    expect(status).to.equal(1)
    expect(stderr).to.match(
      /^limpet: the state file \S+state\.json is in use by another limpet \(process \d+\): stop that/m,
    )
    expect((await again.stop()).code).to.equal(0)
  })

  it('says what is wrong where the socket cannot be', async () => {
    const directory = await Directory.make()
    afterTest(() => directory[Symbol.asyncDispose]())
    const text = `
listeners: [{ name: l, bind: "127.0.0.1:0", pool: p }]
pools: { p: { secret: a secret of tests, backends: [{ name: a, address: "127.0.0.1:9" }] } }
admin: { listen: "unix:${directory.path}/none/admin.sock" }
`
    const { status, stderr } = await limpet(['run', '-c', fileOf(text)])
    expect(status).to.equal(1)
    expect(stderr).to.match(
      /cannot listen on unix:.*\/none\/admin\.sock \(the admin API\): there is no directory .*\/none/,
    )
  })

  it('is shown by check as it can be written', async () => {
    const file = fileOf(`
listeners: [{ name: l, bind: "127.0.0.1:0", pool: p }]
pools: { p: { secret: a secret of tests, backends: [{ name: a, address: "127.0.0.1:9" }] } }
admin: { listen: "127.0.0.1:9900", token: { env: LIMPET_ADMIN_TOKEN }, hosts: [limpet.example] }
`)
    const env = { LIMPET_ADMIN_TOKEN: 'a-token-of-tests' }
    const { status, stdout } = await limpet(['check', '-c', file], { env })
    expect(status).to.equal(0)
    expect(stdout).to.match(/token:\s+(\{ )?env: LIMPET_ADMIN_TOKEN/)
    expect(stdout).to.not.include('a-token-of-tests')
    const again = await limpet(['check', '-c', fileOf(stdout.replace(/# secret: .*/, 'secret: a secret of tests'))], {
      env,
    })
    expect(again.status, again.stderr).to.equal(0)
    const { settings } = JSON.parse((await limpet(['check', '--json', '-c', file], { env })).stdout)
    const hosts = ['limpet.example']
    expect(settings.admin).to.deep.equal({ listen: '127.0.0.1:9900', token: '(from env LIMPET_ADMIN_TOKEN)', hosts })
  })
})
