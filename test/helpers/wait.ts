import { setTimeout as sleep } from 'node:timers/promises'
import { soak } from './soak.ts'

/**
 * How long a test waits for something that must happen: the only knob for slow machines. Nothing is asserted about how
 * long it took.
 */
export const TIMEOUT_MS = Number(process.env.LIMPET_TEST_TIMEOUT_MS ?? (soak ? 120_000 : 60_000))

/** Time limit of a test that waits several times. */
export const TEST_MS = TIMEOUT_MS * (soak ? 5 : 3)

const MOST_TRIES = 10

/** The promise, or an error that says what did not happen in time. */
export async function within<T>(what: string, promise: Promise<T>, timeoutMs = TIMEOUT_MS): Promise<T> {
  const stop = new AbortController()
  const late = sleep(timeoutMs, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`${what}: did not happen within ${timeoutMs} ms`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    stop.abort()
    // Aborted: nobody waits for it any more.
    late.catch(() => undefined)
  }
}

/** Waits until `check` gives true, for what tells nobody that it changed: figures of a process, counters, the system. */
export async function until(what: string, check: () => boolean | Promise<boolean>, now?: () => unknown): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS
  for (let pauseMs = 1; !(await check()); pauseMs = Math.min(pauseMs * 2, 50)) {
    if (performance.now() > deadline) {
      const state = now === undefined ? '' : `; now ${JSON.stringify(await now())}`
      throw new Error(`${what}: did not happen within ${TIMEOUT_MS} ms${state}`)
    }
    await sleep(pauseMs)
  }
}

/**
 * Runs a test of a time limit. `beat` is called as often as the test does what keeps the limit from being reached; where
 * this machine held the test up for too long between two beats, a failure means nothing, and the test is run again.
 */
export async function unlessHeldUp(limitMs: number, test: (beat: () => void) => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    let [last, longest] = [performance.now(), 0]
    const beat = (): void => {
      const now = performance.now()
      longest = Math.max(longest, now - last)
      last = now
    }
    try {
      await test(beat)
      return
    } catch (error) {
      beat()
      // What did not happen at all is no matter of a slow machine.
      const isHeldUp = longest >= limitMs / 2 && longest < TIMEOUT_MS / 2
      if (!isHeldUp || tries === MOST_TRIES) throw error
    }
  }
}

/** Waits until a figure has stayed the same over several looks; gives it. */
export async function steady(what: string, figure: () => number | Promise<number>, looks = 8): Promise<number> {
  let last = Number.NaN
  let same = 0
  await until(`${what} to stay as it is`, async () => {
    const next = await figure()
    same = next === last ? same + 1 : 0
    last = next
    return same >= looks
  })
  return last
}
