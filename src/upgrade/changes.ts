import { type SavedState, savedStateOf } from '../state/state-file.ts'
import type { LineReader } from './line-reader.ts'
import { changesSchema, END, read } from './messages.ts'

/** What was changed of the backends, a line for each pool. */
export function* changeLines(changes: SavedState): Generator<string, void> {
  for (const [pool, overlay] of Object.entries(changes)) yield JSON.stringify({ changes: pool, overlay })
  yield END
}

/**
 * Reads them. Throws what a damaged state file throws.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_TAKEOVER`: the connection ended before
 */
export async function readChanges(reader: LineReader): Promise<SavedState> {
  const pools: [string, unknown][] = []
  for await (const line of reader.until(END)) {
    const found = read(changesSchema, line)
    if (found !== undefined) pools.push([found.changes, found.overlay])
  }
  return savedStateOf(Object.fromEntries(pools))
}
