import { KeyModule } from '../affinity/key-module.ts'
import { type ConfigProblem, LimpetConfigError } from '../errors.ts'
import type { Finding } from './parsed.ts'
import { problemOf, type Source } from './resolve.ts'
import type { ResolvedConfig } from './resolved.ts'
import { isByCode } from './route.ts'
import type { Path } from './text.ts'

/** Of a configuration whose text is not at hand. */
const NOWHERE: Source = { mode: 'options', raw: undefined, findings: [], place: () => ({}) }

/** What of a configuration may name modules, for keys and for routes. */
type Named = Pick<ResolvedConfig, 'listeners' | 'pools' | 'file'>

/**
 * Loads the modules that a configuration names; those that are there already stay as they are.
 *
 * @throws {@link LimpetConfigError} with every module that cannot be used
 */
export async function loadKeyModules(config: Named, source: Source = NOWHERE): Promise<void> {
  const problems: ConfigProblem[] = []
  for (const [path, code] of [...routesIn(config), ...keysIn(config)]) {
    const refusal = code instanceof KeyModule ? await code.load() : undefined
    if (refusal === undefined) continue
    const finding: Finding = { path, ...refusal, code: 'LIMPET_ERR_KEY_MODULE' }
    problems.push(problemOf(finding, source))
  }
  if (problems.length > 0) throw new LimpetConfigError(problems, { path: config.file })
}

/** What may be a module, with its place. */
type Place = [Path, unknown]

function routesIn({ listeners }: Named): Place[] {
  return listeners.flatMap(({ route }, listener) =>
    route.flatMap((entry, index): Place[] =>
      isByCode(entry) ? [[['listeners', listener, 'route', index, 'module'], entry.by]] : [],
    ),
  )
}

function keysIn({ pools }: Named): Place[] {
  return [...pools.values()].flatMap(({ name, affinity: { key } }) =>
    key.map((one, index): Place => [['pools', name, 'affinity', 'key', ...(key.length === 1 ? [] : [index])], one]),
  )
}
