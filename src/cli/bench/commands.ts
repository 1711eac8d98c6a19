import { type Command, Option } from 'commander'
import type { Io } from '../io.ts'
import { numberAbove, wholeNumber } from '../option-parsers.ts'
import { BENCHES, type BenchEntry } from './benches.ts'
import { BENCH_HELP, COMPARE_HELP } from './help-texts.ts'

/** Makes a command below another one. */
export type AddCommand = (parent: Command, name: string, summary: string, description: string, help: string) => Command

const ROUNDS = 5

/** `bench`, and what is below it. */
export function addBench(
  program: Command,
  io: Io,
  add: AddCommand,
  done: (status: Promise<number>) => Promise<void>,
): void {
  const description = 'Measures Limpet on this machine, beside others, and leaves a report that can be looked at.'
  const bench = add(program, 'bench', 'measure, and compare what was measured', description, BENCH_HELP).helpCommand(
    false,
  )
  for (const entry of BENCHES) {
    withOptions(add(bench, entry.name, entry.summary, entry.description, entry.help), entry).action(async options =>
      done((await import('./run-bench.ts')).runBench(entry, options, io)),
    )
  }
  add(
    bench,
    'compare',
    'two reports: what became better, what worse',
    'Compares two reports of the same benchmark, series by series.',
    COMPARE_HELP,
  )
    .argument('<before>', 'a report.json, or a folder with one')
    .argument('<after>', 'the later one')
    .option('--json', 'print the comparison as JSON')
    .addOption(
      new Option('--fail-above <ratio>', 'exit with 1 if something got more than so many times worse').argParser(
        numberAbove(1, 1000),
      ),
    )
    .action(async (before, after, options) => done((await import('./compare.ts')).compare(before, after, options, io)))
}

function withOptions(command: Command, { options }: BenchEntry): Command {
  for (const option of options) command.addOption(option)
  return command
    .addOption(
      new Option('--rounds <n>', `samples of everything (default: ${ROUNDS}; quick: 1)`).argParser(
        wholeNumber(1, 1000),
      ),
    )
    .option('--quick', 'a run of seconds that shows that everything works; its figures mean little')
    .option('--report <dir>', 'the folder for the report (default: limpet-bench-NAME-DATE-TIME)')
    .option('--json', 'print the result as JSON, and nothing else; no folder without --report')
}

/** Rounds of a run that names none. */
export function roundsOf(options: { rounds?: number | undefined; quick?: boolean | undefined }): number {
  return options.rounds ?? (options.quick === true ? 1 : ROUNDS)
}
