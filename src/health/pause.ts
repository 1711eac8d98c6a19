import { setTimeout as sleep } from 'node:timers/promises'

const JITTER = 0.1

/** Waits for about so long: backends that were added at one time are not asked at one time for ever. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const spread = ms * (1 - JITTER + 2 * JITTER * Math.random())
  // The timer alone keeps no process alive; an abort only ends the waiting.
  await sleep(spread, undefined, { signal, ref: false }).catch(() => undefined)
}
