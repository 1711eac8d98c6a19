import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { removeLock, withLock } from '../../../scripts/lib/lock.mjs'

/** More than the system gives out (kernel.pid_max is at most 2^22). */
const DEAD = '99999999'
const silent = (): undefined => undefined

describe('build: the lock', () => {
  let directory = ''
  let file = ''

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'limpet-lock-'))
    file = join(directory, 'lock')
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  it('of a dead process is taken over', async () => {
    writeFileSync(file, DEAD)
    expect(await withLock(file, silent, async () => readFileSync(file, 'utf8'))).to.equal(String(process.pid))
    expect(readdirSync(directory)).to.deep.equal([])
  })

  it('of a process that took it over meanwhile stays', () => {
    writeFileSync(file, String(process.pid))
    removeLock(file, DEAD)
    expect(readFileSync(file, 'utf8')).to.equal(String(process.pid))
    expect(readdirSync(directory)).to.deep.equal(['lock'])
    rmSync(file)
    removeLock(file, DEAD)
    expect(existsSync(file)).to.equal(false)
  })

  it('that nobody wrote into is dead after some seconds', async () => {
    writeFileSync(file, '')
    const before = new Date(Date.now() - 60_000)
    utimesSync(file, before, before)
    expect(await withLock(file, silent, async () => 'done')).to.equal('done')
  })

  it('is held by one of several that meet a dead one', async () => {
    const script = new URL('./fixtures/lock.mjs', import.meta.url)
    const notes = join(directory, 'notes')
    for (let turn = 0; turn < 4; turn++) {
      writeFileSync(file, DEAD)
      const children = [0, 1, 2].map(() => fork(script, [file, notes], { execArgv: [] }))
      await Promise.all(children.map(child => once(child, 'message')))
      const exits = children.map(child => once(child, 'exit'))
      for (const child of children) child.send('go')
      expect(await Promise.all(exits)).to.deep.equal(Array.from({ length: 3 }, () => [0, null]))
    }
    expect(readFileSync(notes, 'utf8')).to.equal('+-'.repeat(12))
  })
})
