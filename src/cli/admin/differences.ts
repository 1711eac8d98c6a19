import { type ComparedConfig, changesBetween, settingsByPlace, withoutList } from '../../config/changes.ts'
import type { DescribedConfig } from '../../config/describe.ts'
import { pathText } from '../../config/text.ts'
import type { BackendInfo } from '../../index.ts'
import type { NamedPool } from './pools.ts'

/** Settings in force, as the running process tells them. */
export type RunningConfig = DescribedConfig

/** One setting that is not the same. */
export interface Difference {
  /** Its place, like `pools.redis.backends.b1.weight`. */
  path: string
  /** Absent: it is not there. */
  inFile?: unknown
  /** Absent: it is not there. */
  running?: unknown
  /** What makes the process as the file says. */
  needs: 'reload' | 'restart'
}

/** What can differ of a backend. */
const BACKEND_SETTINGS = ['address', 'weight', 'maxSessions', 'backup', 'state', 'health'] as const

/** In what a file differs from the settings in force, and from the backends that there are now. */
export function differencesOf(
  file: DescribedConfig,
  running: RunningConfig,
  pools: readonly NamedPool[],
): Difference[] {
  const settings = changesBetween(withoutBackends(running), withoutBackends(file)).map(
    ({ path, before, after, needsRestart }): Difference => ({
      path,
      ...(after === undefined ? {} : { inFile: after }),
      ...(before === undefined ? {} : { running: before }),
      needs: needsRestart ? 'restart' : 'reload',
    }),
  )
  const backends = pools.flatMap(pool => {
    const wanted = file.pools[pool.name]?.backends
    // Of those that are found the file says only where.
    if (!Array.isArray(wanted)) return []
    return compare(byName(wanted), byName(pool.backends.map(asConfigured)), ['pools', pool.name, 'backends'])
  })
  return [...settings, ...backends]
}

function withoutBackends(config: DescribedConfig): ComparedConfig {
  const pools = Object.entries(config.pools).map(([name, pool]) => [name, withoutList(pool)] as const)
  return { ...config, pools: Object.fromEntries(pools) }
}

/** The `health` of a running backend is what checks say; what is configured of it is `checks`. */
function asConfigured({ health: _, checks, ...backend }: BackendInfo): { name: string; health?: unknown } {
  return checks === undefined ? backend : { ...backend, health: checks }
}

/** Backends by name: their order is nothing that counts. */
function byName(backends: readonly { name: string }[]): object {
  const entries = backends.map(backend => {
    const settings: Record<string, unknown> = { ...backend }
    return [backend.name, Object.fromEntries(BACKEND_SETTINGS.map(setting => [setting, settings[setting]]))]
  })
  return Object.fromEntries(entries)
}

function compare(file: object, running: object, path: readonly string[]): Difference[] {
  const [wanted, found] = [settingsByPlace(file, path), settingsByPlace(running, path)]
  return [...new Set([...wanted.keys(), ...found.keys()])]
    .filter(place => wanted.get(place) !== found.get(place))
    .map(place => ({
      path: place === '' ? pathText([...path]) : place,
      ...(wanted.has(place) ? { inFile: wanted.get(place) } : {}),
      ...(found.has(place) ? { running: found.get(place) } : {}),
      needs: 'reload',
    }))
}
