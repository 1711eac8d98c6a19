import { z } from 'zod'
import { HOUR, type Mode } from './duration.ts'
import { MOST_HEAD_BYTES } from './key-source.ts'
import { isMapping } from './mapping.ts'
import type { ResolvedPeek } from './resolved.ts'
import { duration, size } from './scalars.ts'
import { readSize } from './size.ts'

const BYTES = { min: 16, max: MOST_HEAD_BYTES }
const USUAL_BYTES = '16KiB'

/** How far, and for how long, the first bytes of a client are looked at. */
export function peek(mode: Mode) {
  return z
    .strictObject({
      bytes: size(BYTES, 'How many of the first bytes of a client are looked at.').prefault(USUAL_BYTES),
      timeout: duration({ min: 10, max: HOUR }, mode, 'How long they are waited for.').prefault('3s'),
    })
    .prefault({})
    .describe('Looking for keys that are no addresses, and for routes.')
}

/** What a listener says of it, as it is written: how many bytes; undefined: that cannot be read. */
export function peekBytesOf(raw: unknown): number | undefined {
  const { bytes = USUAL_BYTES } = isMapping(raw) ? raw : {}
  const read = readSize(bytes, BYTES)
  return 'value' in read ? read.value : undefined
}

/** Where nothing is said of it; of sockets that are given to a pool, too. */
export const USUAL_PEEK: ResolvedPeek = peek('options').parse(undefined)
