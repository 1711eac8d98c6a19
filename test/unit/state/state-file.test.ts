import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { expect } from 'chai'
import { createLog } from '../../../src/log/log.ts'
import { type SavedState, StateFile } from '../../../src/state/state-file.ts'
import { Directory } from '../../helpers/directory.ts'
import { TEST_MS, until } from '../../helpers/wait.ts'

const DRAINED: SavedState = { p: { added: [], changed: { a: { state: 'drain' } }, removed: [] } }

describe('the state file', () => {
  let directory: Directory
  let path: string
  let lines: string[]
  let state: SavedState
  let collected: number

  beforeEach(async () => {
    directory = await Directory.make()
    path = directory.file('state.json')
    lines = []
    state = DRAINED
    collected = 0
  })

  afterEach(async () => {
    await directory[Symbol.asyncDispose]()
  })

  function open(): StateFile {
    const log = createLog('info', { write: line => lines.push(line) })
    return new StateFile(path, log, () => {
      collected++
      return state
    })
  }

  it('is nothing before it is written, and then what was written', async () => {
    const file = open()
    expect(await file.read()).to.deep.equal({})
    await file.write()
    expect(await open().read()).to.deep.equal(DRAINED)
    expect(statSync(path).mode & 0o777).to.equal(0o600)
    expect(existsSync(`${path}.new`)).to.equal(false)
  })

  it('is written once for many changes, and again for one that comes meanwhile', async () => {
    const file = open()
    for (let i = 0; i < 100; i++) file.changed()
    await until('the first writing', () => collected === 1)
    state = {}
    file.changed()
    await file.settled()
    expect(collected).to.equal(2)
    expect(await file.read()).to.deep.equal({})
  })

  const damaged: Record<string, string> = {
    'an empty file': '',
    'half a file': '{"format":1,"pools":{"p":',
    'another format': '{"format":0,"pools":{}}',
    'no format': 'null',
    'an unknown field': '{"format":1,"pools":{"p":{"added":[],"changed":{"a":{"wait":1}},"removed":[]}}}',
    'a value that is not accepted': '{"format":1,"pools":{"p":{"added":[{"name":"a"}],"changed":{},"removed":[]}}}',
  }
  for (const [what, text] of Object.entries(damaged)) {
    it(`sets aside ${what}, and tells it`, async () => {
      writeFileSync(path, text)
      expect(await open().read()).to.deep.equal({})
      expect(existsSync(path)).to.equal(false)
      expect(readFileSync(`${path}.damaged`, 'utf8')).to.equal(text)
      expect(lines.join('')).to.contain('the state file is damaged: it is set aside')
    })
  }

  it('sets aside what a newer version has written, by another name', async () => {
    const text = '{"format":2,"pools":[]}'
    writeFileSync(path, text)
    expect(await open().read()).to.deep.equal({})
    expect(readFileSync(`${path}.format-2`, 'utf8')).to.equal(text)
    expect(lines.join('')).to.contain('the state file is of a newer limpet: it is set aside')
  })

  it('is written whatever a crash has left beside it', async () => {
    writeFileSync(`${path}.new`, '{"format":1,"po', { mode: 0o644 })
    await open().write()
    expect(await open().read()).to.deep.equal(DRAINED)
    expect(statSync(path).mode & 0o777).to.equal(0o600)
  })

  it('is refused, and not waited for, when it is no file', async () => {
    execFileSync('mkfifo', [path])
    const error = await open()
      .read()
      .catch((error: unknown) => error)
    expect(error).to.include({ code: 'LIMPET_ERR_STATE_FILE', path })
  })

  it('is locked until it is unlocked, or the one that has it is gone', async () => {
    const [first, second] = [open(), open()]
    first.lock()
    first.lock()
    expect(() => second.lock())
      .to.throw(/in use by another limpet \(process \d+\)/)
      .with.property('code', 'LIMPET_ERR_STATE_LOCKED')
    first.unlock()
    second.lock()
    expect(readFileSync(`${path}.lock`, 'utf8')).to.equal(`${process.pid}\n`)
    second.unlock()
    expect(existsSync(`${path}.lock`)).to.equal(false)
    // As after a kill -9: the file is there, and nobody has it.
    writeFileSync(`${path}.lock`, '1\n')
    first.lock()
    first.unlock()
    second.unlock()
    expect(lines).to.deep.equal([])
  })

  it('is refused when it is a link', async () => {
    writeFileSync(directory.file('elsewhere'), '{"format":1,"pools":{}}')
    symlinkSync(directory.file('elsewhere'), path)
    const error = await open()
      .read()
      .catch((error: unknown) => error)
    expect(error).to.include({ code: 'LIMPET_ERR_STATE_FILE', path })
  })

  it('says at once when it cannot be written', async () => {
    path = directory.file('nowhere/state.json')
    const error = await open()
      .write()
      .catch((error: unknown) => error)
    expect(error).to.include({ code: 'LIMPET_ERR_STATE_FILE', path })
    expect((error as Error).message).to.match(/^the state file \S+ cannot be written: ENOENT/)
  })

  it('is written as soon as it can be, though nothing is changed any more', async () => {
    const own = directory.file('own')
    await mkdir(own)
    path = directory.file('own/state.json')
    const file = open()
    await file.write()
    await rm(own, { recursive: true })
    file.changed()
    await file.settled()
    await mkdir(own)
    await until('it to be written', () => lines.at(-1)?.includes('the state file is written again') === true)
    expect(await file.read()).to.deep.equal(DRAINED)
    file.unlock()
  }).timeout(TEST_MS)

  it('tells once that it cannot be written any more, and that it is again', async () => {
    const own = directory.file('own')
    await mkdir(own)
    path = directory.file('own/state.json')
    const file = open()
    await file.write()
    await rm(own, { recursive: true })
    for (let i = 0; i < 3; i++) {
      file.changed()
      await file.settled()
    }
    expect(lines.filter(line => line.includes('cannot be written'))).to.have.length(1)
    await mkdir(own)
    await chmod(own, 0o700)
    file.changed()
    await file.settled()
    expect(lines.at(-1)).to.contain('the state file is written again')
    expect(await file.read()).to.deep.equal(DRAINED)
  })
})
