import type { Balancer } from '../balancer.ts'
import type { Log } from '../log/log.ts'
import type { Pool } from '../pool/pool.ts'
import { exportLines } from '../pool/table-lines.ts'
import type { LineReader } from './line-reader.ts'
import { liveLines, takeLive } from './live-sessions.ts'
import { END, read, tableSchema } from './messages.ts'

/**
 * How many sessions are on each backend, and the pins of every pool that has a table, as lines. `awayOnly`: those that are not
 * at home, which nobody else could know.
 */
export async function* tableLines(balancer: Balancer, awayOnly: boolean): AsyncGenerator<string, void> {
  yield* liveLines(balancer.handOver.live())
  for (const [name, { stickTable }] of Object.entries(balancer.settings().pools)) {
    if (stickTable === 'off') continue
    yield JSON.stringify({ table: name })
    yield* linesOf(balancer.pool(name), awayOnly)
    yield END
  }
  yield END
}

function linesOf({ name, table }: Pool, awayOnly: boolean): AsyncGenerator<string, void> {
  const { keyDigest } = table
  return awayOnly ? exportLines(name, { keyDigest, list: () => table.list({ isAway: true }) }) : table.export()
}

/**
 * Takes what comes in such lines. A table whose pool is not there any more, or has other keys, is told in the log.
 *
 * @param isLate - clients are served already: a pin that is there is newer
 * @throws {@link LimpetError} `LIMPET_ERR_TAKEOVER`
 */
export async function importTables(reader: LineReader, balancer: Balancer, isLate: boolean, log: Log): Promise<void> {
  for await (const line of reader.until(END)) {
    if (takeLive(balancer.handOver, line)) continue
    const name = read(tableSchema, line)?.table
    const lines = reader.until(END)
    if (name !== undefined) await importTable(lines, name, balancer, isLate, log)
    // What was not read of a table that cannot be used.
    for await (const _ of lines);
  }
}

async function importTable(
  lines: AsyncGenerator<string, void>,
  name: string,
  balancer: Balancer,
  isLate: boolean,
  log: Log,
): Promise<void> {
  try {
    const { table } = balancer.pool(name)
    const { stored } = await table.import(isLate ? onlyNew(kept(lines), table) : kept(lines))
    log.info({ pool: name, pins: stored }, isLate ? 'late pins taken over' : 'pins taken over')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === undefined || !UNUSABLE.has(code)) throw error
    log.warn({ pool: name, code, error: message }, 'pins were not taken over')
  }
}

/** Codes of what makes one table unusable, and harms nothing else. */
const UNUSABLE = new Set(['LIMPET_ERR_UNKNOWN_POOL', 'LIMPET_ERR_NO_TABLE', 'LIMPET_ERR_TABLE_IMPORT'])

/** Whoever stops to read them leaves the rest to others. */
async function* kept(lines: AsyncGenerator<string, void>): AsyncGenerator<string, void> {
  for (;;) {
    const { done = false, value } = await lines.next()
    if (done || value === undefined) return
    yield value
  }
}

async function* onlyNew(lines: AsyncGenerator<string, void>, table: Pool['table']): AsyncGenerator<string, void> {
  for await (const line of lines) {
    const { key } = JSON.parse(line) as { key?: string }
    if (key === undefined || table.get(key) === undefined) yield line
  }
}
