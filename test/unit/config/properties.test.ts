import { expect } from 'chai'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { parseConfig } from '../../../src/config/load.ts'
import type { BalancerOptions } from '../../../src/config/options.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { SCHEMAS } from '../../../src/config/schema.ts'
import { allSettings } from '../../../src/config/schema-walk.ts'
import { formatProblem, LimpetConfigError } from '../../../src/errors.ts'
import { rounds } from '../../helpers/soak.ts'
import { HERMETIC } from './helpers.ts'

const VALID = `listeners:
  - { name: redis, bind: "127.0.0.1:7200", pool: redis, acceptor: auto }
pools:
  redis:
    placement: ring
    boundedLoad: 1.25
    secret: "long enough"
    stickTable: { size: 1000, ttl: 30m }
    timeouts: { connect: 5s, keepalive: { idle: 60s } }
    backends:
      - { name: a, address: "127.0.0.1:6379", weight: 1 }
      - name: b
        address: unix:/run/b.sock
shutdownTimeout: 30s
log: { level: info, sessions: off }
`

/** Runs what must either succeed or throw a {@link LimpetConfigError}; another error fails the property. */
function refused(run: () => unknown): LimpetConfigError | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (!(error instanceof LimpetConfigError)) throw error
    expect(error.problems.length).to.be.greaterThan(0)
    return error
  }
}

/** Every problem of a text has a place in it, and its line is one line that no terminal would interpret. */
function checkText(text: string): void {
  const error = refused(() => parseConfig(text, HERMETIC))
  const lines = text.split('\n')
  for (const problem of error?.problems ?? []) {
    expect(problem.path).to.be.a('string')
    expect(problem.file).to.equal('limpet.yaml')
    expect(problem.line).to.be.within(1, lines.length)
    expect(problem.column).to.be.within(1, (lines[(problem.line ?? 0) - 1]?.length ?? 0) + 1)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(formatProblem(problem)).not.to.match(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
  }
}

const words = [...new Set(allSettings(SCHEMAS.yaml).map(({ path }) => path.split('.').at(-1)?.replace('[]', '') ?? ''))]
const fragments = [
  '\n',
  '\n  ',
  '\n    ',
  '- ',
  ': ',
  ':',
  '{',
  '}',
  '[',
  ']',
  ', ',
  '"',
  "'",
  '#',
  '&a ',
  '*a',
  '!t ',
  '|\n',
  '>',
  '?',
  '%',
  '@',
  '`',
  '<<',
  '---',
  '...',
  '\t',
  '\r\n',
  '\0',
  '\uFEFF',
  '\ud800',
  '\u001b[31m',
  '~',
  'off',
  '5s',
  '1',
  '-1',
  '[::1]:80',
  '127.0.0.1:80',
  '1e999',
  '__proto__',
]
const yamlish = fc.array(fc.constantFrom(...fragments, ...words), { maxLength: 60 }).map(parts => parts.join(''))

describe('whatever is given as a configuration', () => {
  it('any text is refused with places, or accepted', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), checkText), { numRuns: rounds(100, 300) })
  })

  it('any text that looks like YAML is refused with places, or accepted', () => {
    fc.assert(fc.property(yamlish, checkText), { numRuns: rounds(600, 3000) })
  })

  it('any damage to a valid text is refused with places, or accepted', () => {
    const damage = fc.tuple(
      fc.nat({ max: VALID.length }),
      fc.nat({ max: 20 }),
      fc.oneof(fc.constantFrom('', ...fragments), fc.string({ maxLength: 5 })),
    )
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), cuts => {
        checkText(
          cuts.reduce((text, [at, length, insert]) => text.slice(0, at) + insert + text.slice(at + length), VALID),
        )
      }),
      { numRuns: rounds(300, 1500) },
    )
  })

  it('any document is refused with paths, or accepted, as options and as text', () => {
    const key = fc.oneof(fc.constantFrom(...words, 'p', '__proto__', 'constructor'), fc.string({ maxLength: 4 }))
    const leaf = fc.oneof(
      fc.constantFrom('off', '5s', ':80', 'p', 'ring', 'auto', 0, 1, 1.5, true, null),
      fc.double(),
      fc.string({ maxLength: 4 }),
    )
    const { document } = fc.letrec<{ document: unknown }>(tie => ({
      document: fc.oneof(
        { maxDepth: 6, depthSize: 'large' },
        leaf,
        fc.array(tie('document'), { maxLength: 4 }),
        fc.dictionary(key, tie('document'), { maxKeys: 8 }),
      ),
    }))
    fc.assert(
      fc.property(document, value => {
        for (const problem of refused(() => resolveOptions(value as BalancerOptions, HERMETIC))?.problems ?? [])
          expect(problem.path).to.be.a('string')
        checkText(stringify(value))
      }),
      { numRuns: rounds(100, 500) },
    )
  })

  it('any JavaScript value is refused, or accepted', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withNullPrototype: true,
          withSparseArray: true,
          withTypedArray: true,
        }),
        value => {
          refused(() => resolveOptions(value as BalancerOptions, HERMETIC))
          refused(() => resolveOptions({ pools: { p: value as object } }, HERMETIC))
          refused(() => resolveOptions({ pools: { p: {} }, listeners: [value as never] }, HERMETIC))
          refused(() =>
            resolveOptions(
              {
                pools: {
                  p: {
                    secret: value as never,
                    boundedLoad: value as never,
                    stickTable: value as never,
                    backends: [value as never],
                  },
                },
              },
              HERMETIC,
            ),
          )
        },
      ),
      { numRuns: rounds(75, 300) },
    )
  })

  it('one wrong value in a valid document is one problem, at its place', () => {
    const wrong = fc.constantFrom<[string, string, string]>(
      ['127.0.0.1:7200', '127.0.0.1:72000', 'listeners[0].bind'],
      ['acceptor: auto', 'acceptor: autom', 'listeners[0].acceptor'],
      ['placement: ring', 'placement: rings', 'pools.redis.placement'],
      ['1.25', '0.25', 'pools.redis.boundedLoad'],
      ['long enough', 'short', 'pools.redis.secret'],
      ['size: 1000', 'size: 1e9', 'pools.redis.stickTable.size'],
      ['30m', '30', 'pools.redis.stickTable.ttl'],
      ['5s', '5x', 'pools.redis.timeouts.connect'],
      ['60s', '60ms', 'pools.redis.timeouts.keepalive.idle'],
      ['weight: 1', 'weight: -1', 'pools.redis.backends[0].weight'],
      ['unix:/run', 'unix:run', 'pools.redis.backends[1].address'],
      ['30s', '-30s', 'shutdownTimeout'],
      ['level: info', 'level: inform', 'log.level'],
    )
    const some = fc.uniqueArray(wrong, { minLength: 1, selector: ([text]) => text })
    fc.assert(
      fc.property(some, mistakes => {
        const text = mistakes.reduce((before, [right, broken]) => before.replace(right, broken), VALID)
        const problems = refused(() => parseConfig(text, HERMETIC))?.problems ?? []
        expect(problems.map(({ path }) => path)).to.have.members(mistakes.map(([, , path]) => path))
      }),
    )
    expect(refused(() => parseConfig(VALID, HERMETIC))).to.equal(undefined)
  })
})
