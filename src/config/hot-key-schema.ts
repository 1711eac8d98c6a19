import { z } from 'zod'
import { hotBy, off, thousandths, whole } from './scalars.ts'

/** As many as `kMostSpread` of native/core/hot_keys.h. */
const MOST_SPREAD = 16

/** When a key is spread over several backends. */
export function hotKey() {
  const settings = z.strictObject({
    share: thousandths(
      { min: 1, max: 1000 },
      'Of the bound of its home: a key with more sessions than that is hot, and its clients are spread.',
    ).prefault(0.5),
    spread: whole(
      { min: 2, max: MOST_SPREAD },
      'Backends that the clients of a hot key are spread over; the first of them is its home.',
    ).prefault(4),
    by: hotBy(
      'What tells the clients of a hot key apart, always the same for the same client. port: the port that they come from; address: the whole of their address; else a source of keys in their first bytes.',
    ).prefault('port'),
  })
  return z
    .union([settings, off('{ share, spread, by }', 'However many sessions a key has, all of them go to one backend.')])
    .prefault('off')
    .describe('Keys with more sessions than one backend should have of one key, or off.')
}
