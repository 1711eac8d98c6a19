import { resolve } from 'node:path'
import { commit, thisMachine } from '../../bench/machine.ts'
import { folderName, openFolder, resultText, writeFolder } from '../../bench/report/folder.ts'
import { ratioTables, tablesOf } from '../../bench/report/tables.ts'
import type { BenchContext, Benchmark, BenchResult } from '../../bench/result.ts'
import { abortError } from '../../errors.ts'
import { VERSION } from '../../package-info.ts'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { StopSignals } from '../signals.ts'
import type { BenchEntry } from './benches.ts'
import { roundsOf } from './commands.ts'
import { Progress } from './progress.ts'
import { tableText } from './table-text.ts'

/** Options of every benchmark; each has its own besides. */
export interface BenchOptions {
  rounds?: number | undefined
  quick?: boolean | undefined
  report?: string | undefined
  json?: boolean | undefined
}

export async function runBench(entry: BenchEntry, options: BenchOptions, io: Io): Promise<number> {
  const began = new Date()
  const folder = folderOf(entry, options, began)
  if (folder !== undefined) await openFolder(folder)
  const result = await measure(entry, options, began, io)
  if (folder !== undefined) await writeFolder(folder, result)
  if (options.json === true) await io.stdout.write(resultText(result))
  else await tell(result, io)
  if (folder !== undefined) await io.stderr.line(`the report is in ${folder}`)
  const isWhole = result.series.length > 0 && result.series.every(({ samples }) => isMeasured(samples, result.rounds))
  return isWhole ? EXIT.ok : EXIT.failed
}

/** Undefined: none is wanted. */
function folderOf({ name }: BenchEntry, { report, json }: BenchOptions, began: Date): string | undefined {
  if (report !== undefined) return resolve(report)
  return json === true ? undefined : resolve(folderName(name, began))
}

async function measure(entry: BenchEntry, options: BenchOptions, began: Date, io: Io): Promise<BenchResult> {
  const rounds = roundsOf(options)
  const notes: string[] = []
  const progress = new Progress(io.stderr)
  const aborter = new AbortController()
  const { first } = new StopSignals(io.signals)
  void first.then(signal => aborter.abort(new CliError(`stopped by ${signal}: nothing was measured`)))
  const context: BenchContext = {
    rounds,
    quick: options.quick === true,
    signal: aborter.signal,
    plan: steps => progress.plan(steps),
    step: label => progress.step(label),
    note: text => {
      if (notes.includes(text)) return
      notes.push(text)
      progress.note(text)
    },
  }
  try {
    // What its options are, the entry knows, and commander has parsed them so.
    const bench = (await entry.load()) as Benchmark<unknown>
    const findings = await bench(context, options)
    const seconds = (Date.now() - began.getTime()) / 1000
    const revision = commit()
    const limpet = { version: VERSION, ...(revision === undefined ? {} : { commit: revision }) }
    const when = { began: began.toISOString(), seconds, rounds }
    return { format: 1, bench: entry.name, limpet, machine: thisMachine(), ...when, ...findings, notes }
  } catch (error) {
    // What was stopped may say that in its own way.
    throw aborter.signal.aborted && isAbort(error) ? aborter.signal.reason : error
  } finally {
    await progress.end()
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === abortError(AbortSignal.abort()).name
}

async function tell(result: BenchResult, io: Io): Promise<void> {
  // A pipe or a file has room for the spread.
  const tables = [...tablesOf(result, !io.stdout.isTerminal), ...ratioTables(result)]
  for (const table of tables) await io.stdout.line(tableText(table, io.stdout))
}

function isMeasured(samples: readonly (number | null)[], rounds: number): boolean {
  return samples.length === rounds && !samples.includes(null)
}
