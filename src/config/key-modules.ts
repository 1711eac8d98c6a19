import { KeyModule } from '../affinity/key-module.ts'
import { LimpetConfigError } from '../errors.ts'
import type { Finding } from './parsed.ts'
import { problemOf, type Source } from './resolve.ts'
import type { ResolvedConfig } from './resolved.ts'

/** Of a configuration whose text is not at hand. */
const NOWHERE: Source = { mode: 'options', raw: undefined, findings: [], place: () => ({}) }

/**
 * Loads the modules that a configuration names; those that are there already stay as they are.
 *
 * @throws {@link LimpetConfigError} with every module that cannot be used
 */
export async function loadKeyModules({ pools, file }: ResolvedConfig, source: Source = NOWHERE): Promise<void> {
  const problems = []
  for (const { name, affinity } of pools.values()) {
    for (const [index, key] of affinity.key.entries()) {
      const refusal = key instanceof KeyModule ? await key.load() : undefined
      if (refusal === undefined) continue
      const place = affinity.key.length === 1 ? [] : [index]
      const path = ['pools', name, 'affinity', 'key', ...place]
      const finding: Finding = { path, ...refusal, code: 'LIMPET_ERR_KEY_MODULE' }
      problems.push(problemOf(finding, source))
    }
  }
  if (problems.length > 0) throw new LimpetConfigError(problems, { path: file })
}
