import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import * as library from '../../src/index.ts'
import { REASONS, SESSION_COUNTERS } from '../../src/native.ts'
import { compiled } from '../helpers/typescript/compiled.ts'
import { afterTest, cleanUp } from '../lifecycle/helpers.ts'

const text = readFileSync(new URL('../../docs/library.md', import.meta.url), 'utf8')
const examples = [...text.matchAll(/```js\n(.*?)```/gs)].map(([, code = '']) => code)
const { Balancer, Placement, StickTable } = library

/** Public names of a class, without what it inherits. */
function membersOf(prototype: object): string[] {
  return Object.getOwnPropertyNames(prototype).filter(name => name !== 'constructor')
}

describe('docs/library.md', () => {
  afterEach(cleanUp)

  it('names every export', () => {
    for (const name of Object.keys(library)) expect(text).to.match(new RegExp(`\`${name}\\b`), name)
  })

  it('names every public member', () => {
    const balancer = new Balancer({
      pools: { p: { stickTable: 'off', backends: [{ name: 'a', address: '127.0.0.1:9' }] } },
      log: { level: 'silent' },
    })
    const decision = balancer.pick('192.0.2.1')
    const prototypes = [Balancer.prototype, Placement.prototype, StickTable.prototype, balancer.pool(), decision].map(
      (value, index) => (index < 3 ? value : Object.getPrototypeOf(value)),
    )
    for (const name of prototypes.flatMap(membersOf)) expect(text).to.match(new RegExp(`[\`.]${name}\\b`), name)
  })

  it('names every session counter, every reason and every state', () => {
    for (const name of [...SESSION_COUNTERS, ...REASONS]) expect(text).to.include(`\`${name}\``)
    for (const state of ['idle', 'opening', 'listening', 'closing', 'closed']) expect(text).to.include(`\`${state}\``)
  })

  for (const [index, code] of examples.entries()) {
    it(`has an example ${index + 1} that runs`, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'limpet-'))
      afterTest(() => rmSync(directory, { recursive: true, force: true }))
      const file = join(directory, 'example.mjs')
      writeFileSync(file, code.replaceAll("'limpet'", `'${compiled(new URL('../../src/index.ts', import.meta.url))}'`))
      const { stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 20_000 })
      expect(stderr).to.equal('')
    })
  }

  it('has examples', () => expect(examples).to.have.length.at.least(5))
})
