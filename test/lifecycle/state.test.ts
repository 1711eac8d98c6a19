import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { expect } from 'chai'
import type { Balancer } from '../../src/balancer.ts'
import { Directory } from '../helpers/directory.ts'
import { afterTest, cleanUp, makeBalancer, rejection, until } from './helpers.ts'

const BACKENDS = ['a', 'b', 'c'].map(name => ({ name, address: '127.0.0.1:1' }))

async function stateFile(): Promise<string> {
  const directory = await Directory.make()
  afterTest(() => directory[Symbol.asyncDispose]())
  return directory.file('state.json')
}

async function listening(state: string, backends = BACKENDS): Promise<Balancer> {
  const balancer = makeBalancer({ backends }, { state })
  await balancer.listen()
  return balancer
}

const told = (balancer: Balancer): unknown[] =>
  balancer
    .pool()
    .backends()
    .map(({ name, weight, state }) => [name, weight, state])

const saved = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8')).pools

describe('the state of a balancer', () => {
  afterEach(cleanUp)

  it('outlives a restart, also one without a farewell', async () => {
    const path = await stateFile()
    const first = await listening(path)
    expect(saved(path)).to.deep.equal({})
    first.pool().update('a', { state: 'drain' })
    first.pool().remove('b')
    first.pool().add({ name: 'd', address: '127.0.0.1:2', weight: 4 })
    const before = told(first)
    await until(() => JSON.stringify(saved(path)).includes('"d"'))
    // The first one still runs: nothing is written when it ends that was not there before.
    const copy = await stateFile()
    await copyFile(path, copy)
    const second = await listening(copy)
    expect(told(second)).to.deep.equal(before)
    expect(second.pool().digest).to.equal(first.pool().digest)
    second.pool().update('a', { state: 'ready' })
    await second.close()
    expect(saved(copy)).to.deep.equal({
      p: {
        added: [{ name: 'd', address: '127.0.0.1:2', weight: 4, maxSessions: 0, backup: false, state: 'ready' }],
        changed: {},
        removed: ['b'],
      },
    })
  })

  it('is empty after a reload, which makes the backends those of the configuration', async () => {
    const path = await stateFile()
    const balancer = await listening(path)
    balancer.pool().update('a', { weight: 7 })
    await until(() => JSON.stringify(saved(path)).includes('7'))
    await balancer.reload({
      listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }],
      pools: { p: { secret: 'a secret of tests', stickTable: { size: 1000 }, backends: BACKENDS.slice(1) } },
      state: path,
      log: { level: 'silent' },
    })
    await balancer.close()
    expect(saved(path)).to.deep.equal({})
    expect(told(await listening(path, BACKENDS.slice(1)))).to.deep.equal([
      ['b', 1, 'ready'],
      ['c', 1, 'ready'],
    ])
  })

  it('is kept by changes that a program makes before it listens', async () => {
    const path = await stateFile()
    const pools = { p: { added: [], changed: { a: { state: 'maint' } }, removed: [] } }
    writeFileSync(path, JSON.stringify({ format: 1, pools }))
    const balancer = makeBalancer({ backends: BACKENDS }, { state: path })
    balancer.pool().update('b', { weight: 2 })
    expect(saved(path)).to.deep.equal(pools)
    await balancer.listen()
    expect(told(balancer)).to.deep.equal([
      ['a', 1, 'maint'],
      ['b', 2, 'ready'],
      ['c', 1, 'ready'],
    ])
  })

  it('is of one balancer at a time', async () => {
    const path = await stateFile()
    const first = await listening(path)
    const second = makeBalancer({ backends: BACKENDS }, { state: path })
    const refused = await rejection(second.listen())
    expect(refused).to.include({ code: 'LIMPET_ERR_STATE_LOCKED', path })
    expect((refused as Error).message).to.contain(`(process ${process.pid})`)
    expect(second.status).to.equal('idle')
    first.pool().update('a', { weight: 3 })
    await first.close()
    expect(existsSync(`${path}.lock`)).to.equal(false)
    await second.listen()
    expect(told(second)[0]).to.deep.equal(['a', 3, 'ready'])
  })

  it('that cannot be kept is an error at the start', async () => {
    const path = `${await stateFile()}/nowhere`
    const balancer = makeBalancer({ backends: BACKENDS }, { state: path })
    expect(await rejection(balancer.listen())).to.include({ code: 'LIMPET_ERR_STATE_FILE' })
    expect(balancer.status).to.equal('idle')
  })
})
