import { LimpetConfigError } from '../errors.ts'
import type { ResolvedDiscovery } from './discovery.ts'
import { findingsOf } from './findings.ts'
import { offsetOf } from './located.ts'
import { isMapping } from './mapping.ts'
import type { Finding } from './parsed.ts'
import { problemOf, type Source } from './resolve.ts'
import type { ResolvedBackend } from './resolved.ts'
import { backendListSchema } from './schema.ts'
import { quote } from './text.ts'
import { readYaml } from './yaml.ts'

/**
 * Reads a file that is a list of backends, in YAML or JSON; what an entry does not say is as `common` has it.
 *
 * @throws {@link LimpetConfigError} with everything that is wrong
 */
export function parseBackends(bytes: Uint8Array, file: string, common: ResolvedDiscovery): ResolvedBackend[] {
  const { root, position, findings } = readYaml(textOf(bytes, file))
  const offsets = new Map<Finding, number>(findings.map(finding => [finding, finding.offset]))
  const place = (finding: Finding): { line: number; column: number } =>
    position(offsets.get(finding) ?? (root === undefined ? 0 : offsetOf(root, finding.path, finding.at ?? 'value')))
  const source: Source = { mode: 'yaml', raw: root?.value, file, findings, place }
  const parsed = backendListSchema.safeParse(root?.value)
  const wrong = parsed.success ? [] : findingsOf(backendListSchema, root?.value, parsed.error.issues)
  const all = findings.length > 0 ? findings : [...wrong, ...duplicates(root?.value)]
  if (all.length > 0 || !parsed.success)
    throw new LimpetConfigError(
      all.map(finding => problemOf(finding, source)),
      { path: file },
    )
  const entries: unknown[] = Array.isArray(root?.value) ? root.value : []
  return parsed.data.map((backend, index) => withCommon(backend, entries[index], common))
}

function textOf(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const problem = { file, path: '', message: 'the file is not UTF-8 text', code: 'LIMPET_ERR_CONFIG' } as const
    throw new LimpetConfigError([problem], { path: file })
  }
}

function duplicates(raw: unknown): Finding[] {
  if (!Array.isArray(raw)) return []
  const first = new Map<string, number>()
  return raw.flatMap((entry: unknown, index): Finding[] => {
    const name = isMapping(entry) ? entry.name : undefined
    if (typeof name !== 'string') return []
    const earlier = first.get(name)
    if (earlier === undefined) first.set(name, index)
    return earlier === undefined
      ? []
      : [{ path: [index, 'name'], message: `there is already a backend ${quote(name)}, entry [${earlier}]` }]
  })
}

/** What the entry says counts, otherwise what is common to all. */
function withCommon(backend: ResolvedBackend, entry: unknown, common: ResolvedDiscovery): ResolvedBackend {
  const said = isMapping(entry) ? entry : {}
  const { weight = backend.weight, maxSessions, health } = common
  return {
    ...backend,
    ...(said.weight === undefined ? { weight } : {}),
    ...(said.maxSessions === undefined ? { maxSessions } : {}),
    ...(said.health === undefined && health !== undefined && health !== 'pool' ? { health } : {}),
  }
}
