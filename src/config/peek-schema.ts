import { z } from 'zod'
import type { Mode } from './duration.ts'
import { MOST_HEAD_BYTES } from './key-source.ts'
import type { ResolvedPeek } from './resolved.ts'
import { duration, size } from './scalars.ts'

const HOUR = 3_600_000

/** How far, and for how long, the first bytes of a client are looked at. */
export function peek(mode: Mode) {
  return z
    .strictObject({
      bytes: size({ min: 16, max: MOST_HEAD_BYTES }, 'How many of the first bytes of a client are looked at.').prefault(
        '16KiB',
      ),
      timeout: duration({ min: 10, max: HOUR }, mode, 'How long they are waited for.').prefault('3s'),
    })
    .prefault({})
    .describe('Looking for keys that are no addresses, and for routes.')
}

/** Where nothing is said of it; of sockets that are given to a pool, too. */
export const USUAL_PEEK: ResolvedPeek = peek('options').parse(undefined)
