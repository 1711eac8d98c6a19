import { expect } from 'chai'
import fc from 'fast-check'
import { Ejections } from '../../../src/health/ejections.ts'

const SECOND = 1000
const TEN = { backends: 10, others: 9 }

function ejections(maxEjected = 100, baseTime = 30 * SECOND): Ejections {
  return new Ejections({ baseTime, maxEjected })
}

describe('ejections', () => {
  it('take a backend out for the base time', () => {
    const unit = ejections()
    expect([unit.eject('a', 0, TEN), unit.isOut('a'), unit.next()]).to.deep.equal([30 * SECOND, true, 'a'])
    expect([unit.due(30 * SECOND - 1), unit.due(30 * SECOND)]).to.deep.equal([[], ['a']])
    expect([unit.readmit('a', 30 * SECOND), unit.isOut('a'), unit.readmit('a', 30 * SECOND)]).to.deep.equal([
      true,
      false,
      false,
    ])
  })

  it('last longer with each time in a row, up to five minutes', () => {
    const unit = ejections()
    const times: (number | undefined)[] = []
    for (let [now, n] = [0, 0]; n < 14; n++) {
      const ms = unit.eject('a', now, TEN)
      times.push(ms)
      now += ms ?? 0
      unit.readmit('a', now)
    }
    const seconds = [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300, 300, 300]
    expect(times).to.deep.equal(seconds.map(one => one * SECOND))
  })

  it('last as long as the base time if that is more than five minutes', () => {
    const unit = ejections(100, 600 * SECOND)
    expect(unit.eject('a', 0, TEN)).to.equal(600 * SECOND)
    unit.readmit('a', 600 * SECOND)
    expect(unit.eject('a', 600 * SECOND, TEN)).to.equal(600 * SECOND)
  })

  it('are forgotten step by step in peace', () => {
    const unit = ejections()
    for (const now of [0, 10, 20]) {
      unit.eject('a', now * SECOND, TEN)
      unit.readmit('a', now * SECOND)
    }
    // Three times; two base times in peace leave one of them.
    expect(unit.eject('a', 80 * SECOND, TEN)).to.equal(60 * SECOND)
    unit.readmit('a', 80 * SECOND)
    expect(unit.eject('a', 1000 * SECOND, TEN)).to.equal(30 * SECOND)
  })

  it('take no backend out twice at one time', () => {
    const unit = ejections()
    unit.eject('a', 0, TEN)
    expect([unit.eject('a', 1, TEN), unit.due(30 * SECOND)]).to.deep.equal([undefined, ['a']])
  })

  it('take out no more than their share, but always one', () => {
    const unit = ejections(25)
    const names = ['a', 'b', 'c']
    expect(names.map(name => unit.eject(name, 0, TEN))).to.deep.equal([30 * SECOND, 30 * SECOND, undefined])
    unit.readmit('a', 1)
    expect(unit.eject('c', 1, TEN)).to.equal(30 * SECOND)
    const two = ejections(10)
    expect([
      two.eject('a', 0, { backends: 2, others: 1 }),
      two.eject('b', 0, { backends: 2, others: 1 }),
    ]).to.deep.equal([30 * SECOND, undefined])
  })

  it('never take out the last one that serves', () => {
    expect(ejections().eject('a', 0, { backends: 3, others: 0 })).to.equal(undefined)
  })

  it('know nothing of a backend that became another one', () => {
    const unit = ejections(10)
    unit.eject('a', 0, TEN)
    expect([unit.forget('a'), unit.isOut('a'), unit.forget('a'), unit.next()]).to.deep.equal([
      true,
      false,
      false,
      undefined,
    ])
    expect(unit.eject('b', 0, TEN)).to.equal(30 * SECOND)
  })

  it('keep to the limit whatever happens', () => {
    const step = fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      act: fc.constantFrom('eject', 'readmit', 'forget'),
      ms: fc.integer({ min: 0, max: 600 * SECOND }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 100 }), (steps, maxEjected) => {
        const unit = ejections(maxEjected)
        const out = new Set<string>()
        let now = 0
        for (const { name, act, ms } of steps) {
          now += ms
          const scene = { backends: 6, others: 6 - out.size - (out.has(name) ? 0 : 1) }
          if (act === 'eject') {
            const time = unit.eject(name, now, scene)
            if (time === undefined) continue
            expect(time).to.be.within(30 * SECOND, 300 * SECOND)
            out.add(name)
          } else {
            if (act === 'readmit') expect(unit.readmit(name, now)).to.equal(out.has(name))
            else unit.forget(name)
            out.delete(name)
          }
          expect(out.size).to.be.at.most(Math.min(5, Math.max(1, Math.floor((6 * maxEjected) / 100))))
          expect(['a', 'b', 'c', 'd', 'e', 'f'].filter(one => unit.isOut(one))).to.deep.equal([...out].sort())
        }
      }),
    )
  })
})
