import { expect } from 'chai'
import fc from 'fast-check'
import type { LiveSession, SessionInfo } from '../../src/sessions/info.ts'
import {
  closePaced,
  type PaceOptions,
  type PaceProgress,
  type PaceTime,
  paceArgument,
} from '../../src/sessions/paced-close.ts'

/** A clock that goes on with every pause only, and what was closed when. */
class Run {
  readonly closed: { idleMs: number; at: number }[] = []
  readonly progress: PaceProgress[] = []
  #now = 5000

  sessions(idle: readonly number[]): LiveSession[] {
    return idle.map(idleMs => ({
      info: { idleMs } as SessionInfo,
      close: () => this.closed.push({ idleMs, at: this.#now - 5000 }),
    }))
  }

  time(random: () => number = () => 0.5): PaceTime {
    return {
      now: () => this.#now,
      pause: async ms => {
        this.#now += ms
      },
      random,
    }
  }

  async close(idle: readonly number[], options: PaceOptions, random?: () => number): Promise<number> {
    const onProgress = (progress: PaceProgress): unknown => this.progress.push(progress)
    return await closePaced(this.sessions(idle), { onProgress, ...options }, this.time(random))
  }
}

describe('a paced closing', () => {
  it('closes the longest idle first, so many a second', async () => {
    const run = new Run()
    expect(await run.close([1, 30, 20, 10, 2], { perSecond: 10 })).to.equal(5)
    expect(run.closed).to.deep.equal([
      { idleMs: 30, at: 100 },
      { idleMs: 20, at: 200 },
      { idleMs: 10, at: 300 },
      { idleMs: 2, at: 400 },
      { idleMs: 1, at: 500 },
    ])
    expect(run.progress[0]).to.deep.equal({ total: 5, closed: 0, remainingMs: 500 })
    expect(run.progress.at(-1)).to.deep.equal({ total: 5, closed: 5, remainingMs: 0 })
  })

  it('never closes more in a time than it may, however the pauses fall, and all of them in the end', async () => {
    const cases = fc.record({
      idle: fc.array(fc.nat(1000), { maxLength: 300 }),
      perSecond: fc.integer({ min: 1, max: 500 }),
      seed: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }),
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ idle, perSecond, seed }) => {
        const run = new Run()
        let turn = 0
        await run.close(idle, { perSecond, deadlineMs: 1e9 }, () => seed[turn++ % seed.length] ?? 0)
        expect(run.closed.map(({ idleMs }) => idleMs)).to.deep.equal([...idle].sort((left, right) => right - left))
        for (const [index, { at }] of run.closed.entries()) {
          expect(index + 1).to.be.at.most((at / 1000) * perSecond + 1e-6)
        }
      }),
    )
  })

  it('closes what is left at the deadline, or all at once', async () => {
    const late = new Run()
    await late.close([1, 2, 3, 4], { perSecond: 1, deadlineMs: 2500 })
    expect(late.closed.map(({ at }) => Math.round(at))).to.deep.equal([1000, 2000, 2500, 2500])
    const atOnce = new Run()
    await atOnce.close([1, 2, 3], { perSecond: 0 })
    expect(atOnce.closed.map(({ at }) => at)).to.deep.equal([0, 0, 0])
  })

  it('leaves what is left when it is aborted', async () => {
    const run = new Run()
    const stop = new AbortController()
    const onProgress = ({ closed }: PaceProgress): void => {
      if (closed === 2) stop.abort()
    }
    expect(await run.close([1, 2, 3, 4], { perSecond: 10, signal: stop.signal, onProgress })).to.equal(2)
  })

  it('refuses bad options', () => {
    const refused: [unknown, typeof TypeError | typeof RangeError][] = [
      [{ perSecond: -1 }, RangeError],
      [{ perSecond: Number.NaN }, RangeError],
      [{ perSecond: '1' }, TypeError],
      [{ deadlineMs: 2 ** 31 }, RangeError],
      [{ onProgress: 1 }, TypeError],
      [{ signal: 1 }, TypeError],
      [null, TypeError],
    ]
    for (const [options, type] of refused) expect(() => paceArgument(options as PaceOptions)).to.throw(type)
    expect(() => paceArgument({ signal: AbortSignal.abort() })).to.throw('abort')
  })
})
