import { setTimeout as sleep } from 'node:timers/promises'
import { optionsArgument, signalArgument } from '../arguments.ts'
import { LONGEST_TIMER_MS } from '../config/duration.ts'
import { argumentRangeError, argumentTypeError, throwIfAborted } from '../errors.ts'
import type { LiveSession } from './info.ts'

/** How sessions are closed that nobody wants any more. */
export interface PaceOptions {
  /**
   * Sessions a second; 0: all at once.
   * @defaultValue 100
   */
  perSecond?: number | undefined
  /**
   * When what is left is closed at once, in milliseconds from the beginning; up to 24 days.
   * @defaultValue 30000
   */
  deadlineMs?: number | undefined
  /** Aborts the closing: what is left lives on. */
  signal?: AbortSignal | undefined
  /** Told several times a second how far it is. */
  onProgress?: ((progress: PaceProgress) => void) | undefined
}

/** How far a closing is. */
export interface PaceProgress {
  /** Sessions that were there when it began. */
  total: number
  /** Of these, those that were closed. */
  closed: number
  /** How long the rest will take, in milliseconds. */
  remainingMs: number
}

/** A clock and a pause, for tests. */
export interface PaceTime {
  now: () => number
  pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  random: () => number
}

const STEP_MS = 100
export const MOST_PER_SECOND = 1_000_000
const REAL_TIME: PaceTime = {
  now: () => performance.now(),
  // An abort only ends the waiting.
  pause: (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined),
  random: Math.random,
}

/**
 * Closes sessions so that their clients do not all come back in the same moment: the longest idle first, so many a second,
 * at moments that are never quite regular. Gives how many were closed.
 */
export async function closePaced(
  sessions: readonly LiveSession[],
  { perSecond = 100, deadlineMs = 30_000, signal, onProgress }: PaceOptions,
  { now, pause, random }: PaceTime = REAL_TIME,
): Promise<number> {
  const waiting = [...sessions].sort((left, right) => left.info.idleMs - right.info.idleMs)
  const { length: total } = waiting
  const began = now()
  while (waiting.length > 0 && signal?.aborted !== true) {
    const at = now()
    const due = ((at - began) / 1000) * perSecond
    const isLate = perSecond === 0 || at - began >= deadlineMs
    while (waiting.length > 0 && (isLate || total - waiting.length + 1 <= due)) waiting.pop()?.close()
    const remainingMs = Math.min((waiting.length / (perSecond || 1)) * 1000, began + deadlineMs - at)
    onProgress?.({ total, closed: total - waiting.length, remainingMs: Math.max(0, Math.round(remainingMs)) })
    if (waiting.length > 0)
      await pause(Math.min(STEP_MS * (0.5 + random()), Math.max(0, began + deadlineMs - at)), signal)
  }
  return total - waiting.length
}

/** Checks the options of a program. */
export function paceArgument(options: PaceOptions): PaceOptions {
  const { perSecond, deadlineMs, onProgress } = optionsArgument('options', options)
  numberArgument('options.perSecond', perSecond, MOST_PER_SECOND)
  numberArgument('options.deadlineMs', deadlineMs, LONGEST_TIMER_MS)
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw argumentTypeError('options.onProgress', 'a function', onProgress)
  }
  throwIfAborted(signalArgument('options.signal', options.signal))
  return options
}

function numberArgument(name: string, value: number | undefined, most: number): void {
  if (value === undefined) return
  if (typeof value !== 'number') throw argumentTypeError(name, 'a number', value)
  if (!(value >= 0 && value <= most)) throw argumentRangeError(name, `from 0 to ${most}`, value)
}
