import { UsageError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { AdminClient } from './client.ts'
import { ratesOf } from './rates.ts'
import { Screen, Watcher } from './screen.ts'
import { askStatus, type StatusOptions } from './status.ts'
import { type Rates, type StatusReport, statusLines } from './status-text.ts'
import { findAdmin } from './target.ts'

export interface TopOptions extends StatusOptions {
  /** Ends after so many looks. */
  count?: number | undefined
}

const EVERY_MS = 1000

/** Shows one look. */
type Show = (report: StatusReport, rates: Rates) => Promise<void>

export async function top(options: TopOptions, io: Io): Promise<number> {
  if (options.json !== true && !io.stdout.isTerminal) {
    throw new UsageError('top draws on a terminal; elsewhere: limpet top --json, or limpet status')
  }
  const client = new AdminClient(await findAdmin(options, io))
  if (options.json === true) {
    await watch(client, options, io, async (report, { sessions, bytesToBackend, bytesToClient }) => {
      const rates = { sessions, bytesToBackend, bytesToClient }
      await io.stdout.line(JSON.stringify({ at: new Date().toISOString(), rates, ...report }))
    })
    return EXIT.ok
  }
  const screen = new Screen(io)
  await screen.open()
  try {
    await watch(client, options, io, (report, rates) => screen.draw(statusLines(report, rates, io.stdout)))
  } finally {
    await screen.close()
  }
  return EXIT.ok
}

async function watch(
  client: AdminClient,
  { pool, count = Number.POSITIVE_INFINITY }: TopOptions,
  io: Io,
  show: Show,
): Promise<void> {
  const watcher = new Watcher(io)
  try {
    let before: StatusReport | undefined
    for (let look = 1; !watcher.hasEnded; look++) {
      const report = await askStatus(client, pool)
      await show(report, ratesOf(before, report))
      before = report
      if (look >= count) return
      await watcher.pause(EVERY_MS)
    }
  } finally {
    watcher.close()
  }
}
