import { expect } from 'chai'
import { type ParseOptions, parseConfig } from '../../../src/config/load.ts'
import type { BalancerOptions } from '../../../src/config/options.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import { type ConfigProblem, formatProblem, LimpetConfigError } from '../../../src/errors.ts'

/** Tests depend on nothing of this host. */
export const HERMETIC: ParseOptions = { file: 'limpet.yaml', env: {}, localAddresses: new Set() }

/** The problems of a text; a test that meets none fails. */
export function problemsOf(text: string, options: ParseOptions = {}): readonly ConfigProblem[] {
  return caught(() => parseConfig(text, { ...HERMETIC, ...options })).problems
}

/** The problems of a text as lines. */
export function linesOf(text: string, options: ParseOptions = {}): string[] {
  return problemsOf(text, options).map(formatProblem)
}

/** The problems of options of a program. */
export function problemsOfOptions(options: unknown): readonly ConfigProblem[] {
  return caught(() => resolveOptions(options as BalancerOptions, HERMETIC)).problems
}

export function caught(run: () => unknown): LimpetConfigError {
  try {
    run()
  } catch (error) {
    expect(error).to.be.instanceOf(LimpetConfigError)
    return error as LimpetConfigError
  }
  throw new Error('nothing was refused')
}

/** A whole document around the settings of one pool, each given as a line. */
export function poolText(...lines: string[]): string {
  return ['pools:', '  p:', ...lines.map(line => `    ${line}`), ''].join('\n')
}

/** A pool around one backend. */
export function backendText(settings: string): string {
  return poolText('backends:', `  - { ${settings} }`)
}
