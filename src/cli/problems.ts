import { type ConfigProblem, LimpetConfigError, LimpetError } from '../errors.ts'
import { visible } from '../visible.ts'
import { descriptorProblem } from './descriptors.ts'
import { EXIT } from './exit-codes.ts'
import type { Io } from './io.ts'
import type { Terminal } from './terminal.ts'

/** Codes of single errors that only another configuration mends. */
const CONFIG_CODES = new Set(['LIMPET_ERR_CONFIG_READ', 'LIMPET_ERR_SELF_BACKEND', 'LIMPET_ERR_UNSUPPORTED'])

/** What is wrong with the configuration; undefined: the error is about something else. */
export function problemsOf(error: unknown): readonly ConfigProblem[] | undefined {
  if (error instanceof LimpetConfigError) return error.problems
  if (!(error instanceof LimpetError) || !CONFIG_CODES.has(error.code)) return undefined
  // The file may be valid; nobody knows.
  if (descriptorProblem(error) !== undefined) return undefined
  const { code, message, path: file } = error
  return [{ ...(file === undefined ? {} : { file }), path: '', message, code }]
}

/**
 * Tells what is wrong with the configuration on standard error, with `json` as one line of JSON, and returns the exit
 * status. Throws an error that is about something else.
 */
export async function refuse(error: unknown, file: string, json: boolean | undefined, io: Io): Promise<number> {
  const problems = problemsOf(error)
  if (problems === undefined) throw error
  if (json === true) await io.stderr.line(JSON.stringify({ valid: false, file, problems }))
  else await io.stderr.write(problemsText(file, problems, io.stderr))
  return EXIT.config
}

/** All problems for people, each with the place that an editor can jump to. */
export function problemsText(file: string, problems: readonly ConfigProblem[], terminal: Terminal): string {
  const { length } = problems
  const [first] = problems
  const mark = terminal.style('red', 'limpet:')
  if (first !== undefined && length === 1 && first.line === undefined) return `${mark} ${first.message}\n`
  const head = `${mark} ${visible(file)} is not valid: ${length} ${length === 1 ? 'problem' : 'problems'}`
  return [head, ...problems.map(problem => problemText(problem, terminal)), ''].join('\n')
}

function problemText({ file, line, column, path, message, accepted }: ConfigProblem, terminal: Terminal): string {
  const place = [file && visible(file), line, column].filter(part => part !== undefined).join(':')
  const lines = [`\n${[terminal.style('bold', place), path].filter(part => part !== '').join('  ')}`, `  ${message}`]
  if (accepted !== undefined) lines.push(terminal.style('dim', `  accepted: ${accepted}`))
  return lines.join('\n')
}
