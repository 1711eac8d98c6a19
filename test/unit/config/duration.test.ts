import { expect } from 'chai'
import fc from 'fast-check'
import { DURATION_PATTERN, formatDuration, type Mode, readDuration } from '../../../src/config/duration.ts'

const WIDE = { min: 0, max: Number.MAX_SAFE_INTEGER }

function read(value: unknown, mode: Mode = 'yaml'): number | string {
  const parsed = readDuration(value, WIDE, mode)
  return 'value' in parsed ? parsed.value : parsed.refusal.message
}

describe('durations', () => {
  it('take a number with a unit', () => {
    const cases: [string, number][] = [
      ['250ms', 250],
      ['5s', 5000],
      ['0s', 0],
      ['1.5h', 5_400_000],
      ['30m', 1_800_000],
      ['2d', 172_800_000],
      ['1.1s', 1100],
      ['0.001s', 1],
      ['007s', 7000],
    ]
    for (const [text, ms] of cases) expect(read(text), text).to.equal(ms)
  })

  it('take 0 without a unit', () => {
    expect(read(0)).to.equal(0)
    expect(read('0')).to.equal(0)
  })

  it('take a plain number from a program only, as milliseconds', () => {
    expect(read(1500, 'options')).to.equal(1500)
    expect(read(1500, 'yaml')).to.equal('1500 has no unit: write 1500s for seconds or 1500ms for milliseconds')
    expect(read('1500', 'options')).to.equal('1500 has no unit: write 1500s for seconds')
  })

  it('refuse everything else, and say why', () => {
    expect(read('5sec')).to.equal('"sec" is not a unit of time')
    expect(read('5S')).to.equal('"S" is not a unit of time')
    expect(read('1h30m')).to.equal('"1h30m" is not a duration')
    for (const text of ['', ' ', 's', '-5s', '+5s', '5 s', ' 5s', '5s ', '1e3s', '.5s', '5.s', '0x5s', '∞', '5s\n']) {
      expect(read(text), JSON.stringify(text)).to.match(/is not a duration$/)
    }
    expect(read('0.5ms')).to.equal('0.5ms is not a whole number of milliseconds')
    expect(read('9999999999999s')).to.match(/is not a duration$/)
    for (const value of [null, true, [], {}]) expect(read(value)).to.match(/^expected a duration, got /)
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, 2 ** 60]) {
      expect(read(value, 'options')).to.match(/is not a whole number of milliseconds$/)
      expect(read(value, 'yaml')).to.match(/has no unit/)
    }
  })

  it('stay in their range, and 0 may be below it', () => {
    const range = { min: 1000, max: 10_000, zero: true, wholeSeconds: true, why: 'because' }
    const refusal = (value: unknown): unknown => {
      const parsed = readDuration(value, range, 'yaml')
      return 'refusal' in parsed ? parsed.refusal : parsed.value
    }
    const accepted =
      'a number with a unit (ms, s, m, h, d), like 5s or 1.5h, from 1s to 10s (because) in whole seconds, or 0'
    expect(refusal(0)).to.equal(0)
    expect(refusal('1s')).to.equal(1000)
    expect(refusal('10s')).to.equal(10_000)
    expect(refusal('999ms')).to.include({ message: '999ms is too short', accepted })
    expect(refusal('11s')).to.include({ message: '11s is too long', accepted })
    expect(refusal('1500ms')).to.include({ message: '1500ms is not a whole number of seconds', accepted })
  })

  it('read back from their text', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 365 * 86_400_000 }), ms => read(formatDuration(ms)) === ms))
    expect([0, 1, 1000, 90_000, 60_000, 3_600_000, 86_400_000].map(formatDuration)).to.deep.equal([
      '0s',
      '1ms',
      '1s',
      '90s',
      '1m',
      '1h',
      '1d',
    ])
  })

  it('are accepted exactly if the pattern of the JSON Schema says so, but for fractions of a millisecond', () => {
    const pattern = new RegExp(DURATION_PATTERN)
    const parts = fc.constantFrom('0', '1', '12', '.', '5', 'ms', 's', 'm', 'h', 'd', ' ', '-', 'x')
    const text = fc.array(parts, { maxLength: 5 }).map(list => list.join(''))
    fc.assert(
      fc.property(text, candidate => {
        const result = read(candidate)
        if (typeof result === 'string' && /whole number/.test(result)) return pattern.test(candidate)
        return (candidate === '0' || pattern.test(candidate)) === (typeof result === 'number')
      }),
      { numRuns: 2000 },
    )
  })
})
