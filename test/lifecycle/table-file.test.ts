import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import type { Context } from 'mocha'
import type { Balancer } from '../../src/balancer.ts'
import type { PoolOptions } from '../../src/config/options.ts'
import { Metrics } from '../../src/metrics/metrics.ts'
import { Directory } from '../helpers/directory.ts'
import { requireFeature } from '../helpers/peers.ts'
import { TYPESCRIPT } from '../helpers/typescript/arguments.ts'
import { afterTest, cleanUp, makeBalancer, rejection, until } from './helpers.ts'

const CLIENTS = Array.from({ length: 200 }, (_, n) => `192.0.2.${n}`)
const backendsOf = (...names: string[]) => names.map(name => ({ name, address: '127.0.0.1:1' }))

async function directory(): Promise<Directory> {
  const made = await Directory.make()
  afterTest(() => made[Symbol.asyncDispose]())
  return made
}

async function tableFile(): Promise<string> {
  return (await directory()).file('table')
}

function withFile(file: string, names: string[], pool: PoolOptions = {}, state = 'off'): Balancer {
  const stickTable = { size: 1000, file }
  return makeBalancer({ stickTable, backends: backendsOf(...names), ...pool }, { state })
}

async function listening(file: string, names: string[], pool: PoolOptions = {}): Promise<Balancer> {
  const balancer = withFile(file, names, pool)
  await balancer.listen()
  return balancer
}

/** All clients come and go; where each of them was. */
function visit(balancer: Balancer): Map<string, string> {
  // A seat held by each: the bound sends some away from home.
  const decisions = CLIENTS.map(address => [address, balancer.pick(address)] as const)
  for (const [, decision] of decisions) decision.release()
  return new Map(decisions.map(([address, { backend }]) => [address, backend]))
}

const pinned = (balancer: Balancer): Map<string, string | undefined> =>
  new Map(CLIENTS.map(address => [address, balancer.pool().explain(address).pin?.backend]))

const fileOf = (balancer: Balancer) => balancer.stats().pools.p?.table.file

describe('the file of a stick table', () => {
  afterEach(cleanUp)

  it('brings back where the clients of a /56 were sent, for the next /64 of it (ipv6Prefix: auto)', async () => {
    const file = await tableFile()
    const pool: PoolOptions = { secret: 'a /56 that was sent away', affinity: { ipv6Prefix: 'auto' } }
    const first = await listening(file, ['a', 'b', 'c'], pool)
    const home = first.pool().explain('2001:db8::1').home ?? ''
    first.pool().update(home, { state: 'maint' })
    const sent = first.pick('2001:db8::1')
    sent.release()
    expect(sent.backend).not.to.equal(home)
    await first.destroy()
    const second = await listening(file, ['c', 'a', 'b'], pool)
    const next = second.pick('2001:db8:0:1::1')
    next.release()
    expect(next).to.include({ backend: sent.backend, reason: 'pin' })
    expect(second.pool().explain('2001:db8:0:1::1').home).to.equal(home)
    await second.destroy()
  })

  it('brings every pin back after a restart, whatever the order of the backends', async () => {
    const file = await tableFile()
    const first = await listening(file, ['a', 'b', 'c'], { boundedLoad: 1 })
    const before = visit(first)
    expect([...before].filter(([address, backend]) => first.pool().explain(address).home !== backend)).not.to.be.empty
    expect(fileOf(first)).to.deep.equal({ generation: 1, restored: 0, dropped: 0, torn: 0, setAside: 0 })
    await first.destroy()
    expect(statSync(file).mode & 0o777).to.equal(0o600)

    const second = await listening(file, ['c', '0', 'b', 'a'], { boundedLoad: 'off' })
    expect(pinned(second)).to.deep.equal(before)
    expect(visit(second)).to.deep.equal(before)
    expect(fileOf(second)).to.deep.equal({ generation: 2, restored: 200, dropped: 0, torn: 0, setAside: 0 })
    expect(await new Metrics(second).render()).to.contain('limpet_table_file_restored_total{pool="p"} 200\n')
  })

  it('drops the pins of a backend that is gone, and counts them', async () => {
    const file = await tableFile()
    const first = await listening(file, ['a', 'b', 'c'])
    const before = visit(first)
    await first.destroy()
    const second = await listening(file, ['x', 'c', 'a'])
    const gone = [...before.values()].filter(backend => backend === 'b').length
    expect(fileOf(second)).to.include({ restored: 200 - gone, dropped: gone })
    for (const [address, pin] of pinned(second)) {
      expect(pin).to.equal(before.get(address) === 'b' ? undefined : before.get(address))
    }
  })

  it('knows backends that were added while it ran, where the state is kept', async () => {
    const made = await directory()
    const [file, state] = [made.file('table'), made.file('state')]
    const first = withFile(file, ['a'], {}, state)
    await first.listen()
    for (const backend of backendsOf('b', 'c')) first.pool().add(backend)
    const before = visit(first)
    await first.close()
    const second = withFile(file, ['a'], {}, state)
    await second.listen()
    expect(pinned(second)).to.deep.equal(before)
    expect(fileOf(second)).to.include({ restored: 200, dropped: 0 })
  })

  it('stays as it is over a reload', async () => {
    const file = await tableFile()
    const balancer = await listening(file, ['a', 'b'])
    const before = visit(balancer)
    await balancer.reload({
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }],
      pools: {
        p: { secret: 'a secret of tests', stickTable: { size: 1000, file }, backends: backendsOf('c', 'b', 'a') },
      },
      log: { level: 'silent' },
    })
    expect(pinned(balancer)).to.deep.equal(before)
  })

  it('that is none, or is cut short, is set aside, untouched', async () => {
    const made = await directory()
    const file = made.file('table')
    writeFileSync(file, 'some notes')
    const first = await listening(file, ['a', 'b'])
    expect(fileOf(first)).to.deep.equal({ generation: 1, restored: 0, dropped: 0, torn: 0, setAside: 1 })
    expect(readFileSync(`${file}.aside`, 'utf8')).to.equal('some notes')
    visit(first)
    await first.destroy()
    truncateSync(file, 100_000)
    const second = await listening(file, ['a', 'b'])
    expect(fileOf(second)).to.include({ restored: 0, setAside: 1 })
    expect(readdirSync(made.path).sort()).to.deep.equal(['table', 'table.aside', 'table.aside-2'])
    expect(visit(second).size).to.equal(200)
  })

  it('has one owner, until that is closed', async () => {
    const file = await tableFile()
    const first = await listening(file, ['a'])
    const second = withFile(file, ['a'])
    const error = await rejection(second.listen())
    expect(error).to.include({ code: 'LIMPET_ERR_TABLE_FILE_IN_USE', pool: 'p', path: file })
    expect(second.status).to.equal('idle')
    await first.close()
    await second.listen()
    expect(fileOf(second)).to.include({ generation: 2, setAside: 0 })
  })

  it('that cannot be had is an error at the start', async () => {
    const made = await directory()
    const nowhere = made.file('nowhere/table')
    expect(await rejection(withFile(nowhere, ['a']).listen())).to.include({
      code: 'LIMPET_ERR_TABLE_FILE',
      pool: 'p',
      path: nowhere,
    })
    expect((await rejection(withFile(made.path, ['a']).listen())).message).to.contain('EISDIR')
  })

  it('in a directory that may not be written is an error at the start', async () => {
    const made = await directory()
    chmodSync(made.path, 0o555)
    const balancer = withFile(made.file('table'), ['a'])
    const isRoot = process.getuid?.() === 0
    // Root may write anywhere: as somebody else, for the moment of opening.
    if (isRoot) process.seteuid?.(65_534)
    try {
      expect((await rejection(balancer.listen())).message).to.contain('EACCES')
    } finally {
      if (isRoot) process.seteuid?.(0)
      chmodSync(made.path, 0o755)
    }
  })

  it('that does not fit on the disk is an error at the start, and leaves nothing there', async function () {
    const made = await directory()
    const script = `mount -t tmpfs -o size=1m none '${made.path}' && exec "$@"`
    const inside = (...command: string[]) =>
      spawnSync(
        'unshare',
        ['--mount', ...(process.getuid?.() === 0 ? [] : ['-r']), 'sh', '-c', script, 'sh', ...command],
        {
          encoding: 'utf8',
        },
      )
    requireMounts(this, inside('true'))
    const program = `
      import { Balancer } from './src/index.ts'
      import { readdirSync } from 'node:fs'
      const pools = { p: { secret: 'a secret of tests', stickTable: { size: 10000, file: '${made.file('table')}' } } }
      await new Balancer({ pools, log: { level: 'silent' } }).listen().catch(error => console.log(error.code, error.message))
      console.log(readdirSync('${made.path}'))`
    const { stdout, stderr } = inside(process.execPath, ...TYPESCRIPT, '--input-type=module', '-e', program)
    expect(stdout, `${stdout}${stderr}`).to.match(/^LIMPET_ERR_TABLE_FILE .*ENOSPC\n\[\]\n$/)
  })

  it('is not made where nothing of the balancer is used', async () => {
    const file = await tableFile()
    const balancer = withFile(file, ['a'])
    await balancer.destroy()
    expect(existsSync(file)).to.equal(false)
  })

  it('is ready for a sudden end within a second or two of any change', async () => {
    const file = await tableFile()
    const balancer = await listening(file, ['a', 'b'])
    visit(balancer)
    const before = readFileSync(file).subarray(0, 4096)
    await until(() => !readFileSync(file).subarray(0, 4096).equals(before))
  })
})

function requireMounts(context: Context, { status, stderr }: { status: number | null; stderr: string }): void {
  if (status !== 0) requireFeature(context, `a file system of its own cannot be mounted here: ${stderr}`)
}
