import { type Change, compare as compareResults, worsening } from '../../bench/compare.ts'
import { readResult } from '../../bench/read-result.ts'
import { formatNumber, formatPlace, formatRatio, formatSummary } from '../../bench/report/numbers.ts'
import type { Table } from '../../bench/report/tables.ts'
import { UsageError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { tableText } from './table-text.ts'

export interface CompareOptions {
  json?: boolean | undefined
  failAbove?: number | undefined
}

export async function compare(beforePath: string, afterPath: string, options: CompareOptions, io: Io): Promise<number> {
  const [before, after] = [await readResult(beforePath), await readResult(afterPath)]
  if (before.bench !== after.bench) {
    throw new UsageError(
      `${beforePath} is a report of bench ${before.bench}, and ${afterPath} one of bench ${after.bench}`,
    )
  }
  const { changes, notes } = compareResults(before, after)
  const worse = changes.filter(change => isWorse(change, options.failAbove))
  if (options.json === true) await io.stdout.line(JSON.stringify({ changes, worse, notes }, undefined, 2))
  else {
    for (const table of tables(changes)) await io.stdout.line(tableText(table, io.stdout))
    for (const note of notes) await io.stderr.line(`${io.stderr.style('yellow', 'note:')} ${note}`)
    for (const change of worse) await io.stderr.line(`${io.stderr.style('red', 'worse:')} ${nameOf(change)}`)
  }
  return worse.length === 0 ? EXIT.ok : EXIT.failed
}

/** What lies within the noise is no reason to fail. */
function isWorse(change: Change, limit: number | undefined): boolean {
  const ratio = worsening(change)
  return limit !== undefined && ratio !== undefined && ratio > limit && !change.isNoise
}

/** A table for each trial and metric. */
function tables(changes: readonly Change[]): Table[] {
  const groups = new Map<string, Change[]>()
  for (const change of changes) {
    const title = `${change.trial}: ${change.metric}, ${change.unit}`
    groups.set(title, [...(groups.get(title) ?? []), change])
  }
  const header = ['', 'before', 'after', 'ratio', '']
  return [...groups].map(([title, group]) => ({ title, header, rows: group.map(rowOf) }))
}

function rowOf(change: Change): string[] {
  const { before, after, ratio } = change
  const cells = [subjectOf(change), formatNumber(before), formatNumber(after), formatSummary(ratio, formatRatio)]
  return [...cells, verdict(change)]
}

function verdict(change: Change): string {
  if (change.isNoise) return 'within the noise'
  const ratio = worsening(change)
  if (ratio === undefined) return 'other'
  return ratio > 1 ? 'worse' : 'better'
}

function nameOf(change: Change): string {
  return `${change.trial}: ${subjectOf(change)}, ${change.metric}: ${formatNumber(change.before)} → ${formatNumber(change.after)} ${change.unit}`
}

function subjectOf({ subject, at }: Change): string {
  return at === undefined ? subject : `${subject}, ${formatPlace(at.value)} ${at.name}`
}
