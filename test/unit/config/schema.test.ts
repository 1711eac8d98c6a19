import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import fc from 'fast-check'
import { stringify } from 'yaml'
import type { z } from 'zod'
import { configJsonSchema } from '../../../src/config/json-schema.ts'
import { parseConfig } from '../../../src/config/load.ts'
import type { BackendChanges, BackendOptions, BalancerOptions } from '../../../src/config/options.ts'
import { type backendChangesSchema, type backendSchema, SCHEMAS } from '../../../src/config/schema.ts'
import { allSettings } from '../../../src/config/schema-walk.ts'
import { LimpetConfigError } from '../../../src/errors.ts'
import { rounds } from '../../helpers/soak.ts'
import { HERMETIC } from './helpers.ts'
import { type JsonSchema, validates } from './json-schema-validator.ts'

/** With every key required: types that may be assigned to each other can still differ in optional keys. */
type Whole<T> = T extends readonly (infer Item)[]
  ? Whole<Item>[]
  : T extends object
    ? { [Key in keyof T]-?: Whole<Exclude<T[Key], undefined>> }
    : T
type Both<Left, Right> = [Left] extends [Right] ? ([Right] extends [Left] ? true : never) : never
type Same<Left, Right> = Both<Left, Right> & Both<Whole<Left>, Whole<Right>>

const root = new URL('../../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

describe('the types of the options', () => {
  it('are those of the schema', () => {
    // The compiler is the one who tests: each line fails to type-check when a key or a type differs.
    const document: Same<BalancerOptions, z.input<typeof SCHEMAS.options>> = true
    const backend: Same<BackendOptions, z.input<typeof backendSchema>> = true
    const changes: Same<BackendChanges, z.input<typeof backendChangesSchema>> = true
    expect([document, backend, changes]).to.deep.equal([true, true, true])
  })
})

describe('both forms of the document', () => {
  it('have the same keys, but for a function, which no text can be', () => {
    const paths = (schema: z.ZodType): string[] => allSettings(schema).map(({ path }) => path)
    const ofPrograms = paths(SCHEMAS.options).filter(path => path !== 'listeners[].route[].function')
    expect(ofPrograms).to.deep.equal(paths(SCHEMAS.yaml))
    expect(ofPrograms).to.have.lengthOf(paths(SCHEMAS.options).length - 1)
  })
})

describe('limpet.schema.json', () => {
  const schema = JSON.parse(read('limpet.schema.json')) as JsonSchema

  it('is in step with the source', () => {
    expect(schema).to.deep.equal(configJsonSchema())
    const check = spawnSync(process.execPath, [fileURLToPath(new URL('scripts/schema.mjs', root)), '--check'], {
      encoding: 'utf8',
    })
    expect(check.stderr).to.equal('')
    expect(check.status).to.equal(0)
  })

  it('describes every key', () => {
    for (const { path, description } of allSettings(SCHEMAS.yaml)) expect(description, path).to.match(/^[A-Z].{10,}\.$/)
  })

  it('accepts and refuses what the parser does, in a document with one value changed', () => {
    const base = {
      listeners: [{ name: 'l', bind: '127.0.0.1:1', pool: 'p' }],
      pools: {
        p: {
          secret: 'long enough',
          stickTable: {},
          timeouts: { keepalive: {} },
          affinity: {},
          health: {},
          backends: [{ name: 'a', address: '127.0.0.1:2' }],
        },
      },
      log: {},
    }
    const places = allSettings(SCHEMAS.yaml).map(({ path }) =>
      path.replace('<name>', 'p').replaceAll('[]', '.0').split('.'),
    )
    const value = fc.oneof(
      fc.constantFrom(
        'off',
        'on',
        '5s',
        '0s',
        '0',
        '100d',
        '1.5h',
        'x',
        '',
        'ring',
        'p',
        'native',
        'stream',
        ':80',
        'h:1',
        'unix:/a',
        'h:0',
        'debug',
      ),
      fc.constantFrom(0, 1, 1.25, 16, 17, 128, 65_535, 65_536, 1e7, 1e8, 1e9, -1, 0.5),
      fc.constantFrom(
        true,
        false,
        null,
        [],
        {},
        { env: 'PATH' },
        { file: 'x' },
        { env: 'A', file: 'b' },
        { size: 5 },
        [1],
      ),
    )
    const changes = rounds(400, 1500)
    let accepted = 0
    fc.assert(
      fc.property(fc.constantFrom(...places), value, (place, replacement) => {
        const document = replaced(base, place, replacement)
        const parsed = isAccepted(stringify(document))
        if (parsed) accepted += 1
        // The schema says less than the parser: not the ranges of durations, and nothing across the document.
        expect(validates(schema, document) || !parsed, `${place.join('.')}: ${JSON.stringify(replacement)}`).to.equal(
          true,
        )
      }),
      { numRuns: changes },
    )
    expect(accepted).to.be.greaterThan(changes / 30)
  })

  it('refuses what is not known, missing, misspelt or out of range', () => {
    const valid = { pools: { p: { backends: [{ name: 'a', address: 'h:1' }] } } }
    expect(validates(schema, valid)).to.equal(true)
    const wrong: [string, unknown][] = [
      ['foo', 1],
      ['pools.p.foo', 1],
      ['pools.p.placement', 'rings'],
      ['pools.p.retries', 17],
      ['pools.p.retries', 1.5],
      ['pools.p.boundedLoad', 0.5],
      ['pools.p.timeouts', { idle: 5 }],
      ['pools.p.timeouts', { idle: '5 s' }],
      ['pools.p.stickTable', 'on'],
      ['pools.p.health', 'on'],
      ['pools.p.health', { type: 'ping' }],
      ['pools.p.health', { type: 'expect', steps: [] }],
      ['pools.p.secret', {}],
      ['pools.p.backends', [{ name: 'a' }]],
      ['pools.a b', {}],
      ['listeners', [{ name: 'l', bind: ':1', pool: 'p', acceptor: 'epoll' }]],
      ['listeners', [{ name: 'l', bind: ':1', pool: 'p', deferAccept: 3 }]],
      ['listeners', [{ name: 'l', bind: ':1', pool: 'p', fastOpen: 'yes' }]],
      ['threads', 65],
      ['log', { sessions: 'yes' }],
    ]
    for (const [place, value] of wrong)
      expect(validates(schema, replaced(valid, place.split('.'), value)), place).to.equal(false)
    expect(validates(schema, {})).to.equal(false)
  })
})

/** A copy of a document with one value replaced. */
function replaced(document: unknown, [step, ...rest]: readonly string[], value: unknown): unknown {
  if (step === undefined) return value
  const copy = (typeof document === 'object' && document !== null ? structuredClone(document) : {}) as Record<
    string,
    unknown
  >
  copy[step] = replaced(copy[step], rest, value)
  return copy
}

function isAccepted(text: string): boolean {
  try {
    parseConfig(text, { ...HERMETIC, env: { PATH: 'long enough' } })
    return true
  } catch (error) {
    if (error instanceof LimpetConfigError) return false
    throw error
  }
}

describe('docs/configuration.md', () => {
  /** Text, or one of several keys. */
  const isSecret = (path: string): boolean => /\.(secret|token|url)$/.test(path)
  const text = read('docs/configuration.md')
  const settings = allSettings(SCHEMAS.yaml)
  const isGroup = (path: string): boolean =>
    settings.some(other => other.path.startsWith(`${path}.`) || other.path.startsWith(`${path}[]`))
  const rows = [...text.matchAll(/^\| `([^`|]+)` \|([^|\n]*)\|([^|\n]*)\|([^|\n]*)\|$/gm)].map(match =>
    match.slice(1).map(cell => cell.trim()),
  )
  const blocks = [...text.matchAll(/^```(\w+[\w ]*)\n(.*?)^```$/gms)].map(([, kind = '', content = '']) => ({
    kind,
    content,
  }))

  it('has a row for every key, and none for another', () => {
    expect(rows.map(([path]) => path)).to.have.members(
      settings.filter(({ path }) => !isGroup(path) || isSecret(path)).map(({ path }) => path),
    )
  })

  it('has a heading for every group of keys', () => {
    for (const { path } of settings.filter(setting => isGroup(setting.path))) {
      if (!isSecret(path))
        expect(text, path).to.match(new RegExp(`^###? .*\`${path.replace(/[.[\]]/g, '\\$&')}\``, 'm'))
    }
  })

  it('tells the default of every key, and what is required', () => {
    for (const { path, defaultValue, required } of settings) {
      const row = rows.find(([key]) => key === path)
      if (row === undefined || isSecret(path)) continue
      const isOneOfSome = /\.(secret|token|url)\./.test(path)
      const otherwise = required && !isOneOfSome ? 'required' : '—'
      const written = Array.isArray(defaultValue) ? JSON.stringify(defaultValue) : defaultValue
      expect(row[2], path).to.equal(written === undefined ? otherwise : `\`${written}\``)
      expect(row[1], path).to.match(/\S/)
      expect(row[3], path).to.match(/\.$/)
    }
  })

  it('has examples that are accepted', () => {
    const examples = blocks.filter(({ kind }) => kind === 'yaml')
    expect(examples.length).to.be.greaterThan(2)
    const env = { LIMPET_SECRET: 'long enough', LIMPET_ADMIN_TOKEN: 'long-enough', LIMPET_STORE: 'redis://store' }
    for (const { content } of examples) parseConfig(content, { ...HERMETIC, env })
  })

  it('tells editors where the schema is', () => {
    expect(text).to.include('# yaml-language-server: $schema=')
  })
})
