import { type DescribedConfig, type DescribedListener, type DescribedPool, describeConfig } from './describe.ts'
import type { DescribedDiscovery } from './discovery.ts'
import { effectOf } from './effects.ts'
import { given } from './given.ts'
import { keyOption } from './key-source.ts'
import type { PoolSecret } from './pool-secret.ts'
import type { ResolvedConfig, ResolvedListener } from './resolved.ts'
import { isByCode } from './route.ts'
import { pathText } from './text.ts'

/** A setting that differs, or a listener or a pool as a whole. */
export interface SettingChange {
  /** Its place; listeners and pools are called by their names, like `listeners.public.backlog`. */
  path: string
  kind: 'added' | 'changed' | 'removed'
}

/** The same, with what it is about. */
export interface FoundChange extends SettingChange {
  /** Undefined: it was not there. */
  before: unknown
  /** Undefined: it is not there any more. */
  after: unknown
  /** Only a restart can make it. */
  needsRestart: boolean
}

/** What of a described configuration is compared: also one that was told by another process. */
export type ComparedConfig = Omit<DescribedConfig, 'listeners' | 'pools'> & {
  listeners: readonly DescribedListener[]
  pools: Readonly<Record<string, ComparedPool>>
}

/** Of backends only where they are found. */
type ComparedPool = Omit<DescribedPool, 'backends'> & { backends?: DescribedDiscovery }

/** A setting by its place. */
interface Setting {
  /** Its place in the schema. */
  key: string
  value: unknown
}

type Settings = Map<string, Setting>

/** Every setting that differs between two configurations, but those of backends. Of a secret, what it is and not where it is from. */
export function changedSettings(before: ResolvedConfig, after: ResolvedConfig): FoundChange[] {
  return changesBetween(compared(before), compared(after))
}

/** Places of those that only a restart can change. */
export function restartPaths(changes: readonly FoundChange[]): string[] {
  return changes.filter(({ needsRestart }) => needsRestart).map(({ path }) => path)
}

/** As {@link changedSettings}, of configurations as they are told. */
export function changesBetween(before: ComparedConfig, after: ComparedConfig): FoundChange[] {
  const { listeners: oldListeners, pools: oldPools, ...oldRest } = before
  const { listeners, pools, ...rest } = after
  const ofListeners = partChanges('listeners', 'listeners[]', byName(oldListeners), byName(listeners))
  const otherAcceptors = listeners.flatMap(({ name }) =>
    wantsNet(before, name) === wantsNet(after, name) ? [] : poolPaths(name),
  )
  const isOther = (path: string): boolean =>
    otherAcceptors.some(choice => path === choice || path.startsWith(`${choice}[`))
  return [
    ...settingChanges(settingsOf(oldRest), settingsOf(rest)),
    ...ofListeners.map(change => (isOther(change.path) ? { ...change, needsRestart: true } : change)),
    ...partChanges('pools', 'pools.<name>', new Map(Object.entries(oldPools)), new Map(Object.entries(pools))),
  ]
}

function poolPaths(listener: string): string[] {
  return ['pool', 'route'].map(key => pathText(['listeners', listener, key]))
}

/** Whether a listener that may choose takes the net acceptor for one of its pools: an open one cannot become the other. */
function wantsNet({ listeners, pools }: ComparedConfig, name: string): boolean | undefined {
  const listener = listeners.find(candidate => candidate.name === name)
  if (listener === undefined || listener.acceptor === 'net' || listener.relay === 'stream') return undefined
  const route = listener.route ?? []
  if (route.some(entry => !('pool' in entry))) return true
  const names = [listener.pool, ...route.map(entry => ('pool' in entry ? entry.pool : undefined))]
  return names.some(name => {
    const pool = name === undefined ? undefined : pools[name]
    return pool !== undefined && isServedInScript(pool)
  })
}

/** As src/acceptor/choose.ts has it. Another process may know less. */
function isServedInScript({ affinity, backendTls }: ComparedConfig['pools'][string]): boolean {
  if ((affinity.cookie ?? 'off') !== 'off' || (backendTls ?? 'off') !== 'off') return true
  return [affinity.key].flat().some(key => typeof key === 'object' && ('regex' in key || 'module' in key))
}

/** Every single setting of a described configuration, or of a part of it that is at `path`, by its place. */
export function settingsByPlace(described: object, path: readonly string[] = []): Map<string, unknown> {
  return new Map([...settingsOf(described, path)].map(([place, { value }]) => [place, value]))
}

/** What is new or gone as a whole is one change. */
function partChanges(
  name: string,
  key: string,
  before: ReadonlyMap<string, object>,
  after: ReadonlyMap<string, object>,
): FoundChange[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap(part => {
    const [old, next] = [before.get(part), after.get(part)]
    const path = [name, part]
    if (old !== undefined && next !== undefined)
      return settingChanges(settingsOf(old, path, key), settingsOf(next, path, key))
    const kind = old === undefined ? 'added' : 'removed'
    return [{ path: pathText(path), kind, before: old, after: next, needsRestart: false } as const]
  })
}

function settingChanges(before: Settings, after: Settings): FoundChange[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap(path => {
    const [old, next] = [before.get(path), after.get(path)]
    if (old?.value === next?.value) return []
    const kind = old === undefined ? 'added' : next === undefined ? 'removed' : 'changed'
    const needsRestart = effectOf((old ?? next)?.key ?? '') === 'restart'
    return [{ path, kind, before: old?.value, after: next?.value, needsRestart } as const]
  })
}

/** Without backends, and with secrets that can be compared. */
function compared(config: ResolvedConfig): ComparedConfig {
  const described = describeConfig(config)
  const pools = Object.entries(described.pools).map(([name, described]) => {
    const pool = withoutList(described)
    const secret = config.pools.get(name)?.secret
    // Functions themselves: two of one name are told alike.
    const keys =
      config.pools.get(name)?.affinity.key.map(one => (typeof one === 'function' ? one : keyOption(one))) ?? []
    const affinity = { ...pool.affinity, key: keys.length === 1 && keys[0] !== undefined ? keys[0] : keys }
    return [name, { ...pool, affinity, secret: secret === undefined ? '' : textOf(secret) }] as const
  })
  const listeners = described.listeners.map((listener, at) => comparedListener(listener, config.listeners[at]))
  const token = config.admin?.token
  const admin = described.admin && token !== undefined ? { ...described.admin, token: textOf(token) } : described.admin
  const cluster = described.cluster && config.cluster && { ...described.cluster, url: textOf(config.cluster.url) }
  return { ...described, listeners, pools: Object.fromEntries(pools), ...given({ admin, cluster }) }
}

/** With functions themselves, as keys. */
function comparedListener(described: DescribedListener, listener: ResolvedListener | undefined): DescribedListener {
  const codes = listener?.route.map(entry => (isByCode(entry) ? entry.by : undefined)) ?? []
  const route = described.route?.map((entry, at) => {
    const code = codes[at]
    return typeof code === 'function' ? { function: code } : entry
  })
  return route === undefined ? described : { ...described, route: route as DescribedListener['route'] & {} }
}

/** A pool without the list of its backends. */
export function withoutList({ backends, ...pool }: DescribedPool): ComparedPool {
  return Array.isArray(backends) ? pool : { ...pool, backends }
}

function textOf(secret: PoolSecret): string {
  return secret.bytes().toString('latin1')
}

function byName(listeners: readonly DescribedListener[]): Map<string, object> {
  return new Map(listeners.map(({ name, ...settings }) => [name, settings]))
}

function settingsOf(value: object, path: readonly string[] = [], key = ''): Settings {
  const settings: Settings = new Map()
  collect(value, path, key, settings)
  return settings
}

function collect(value: unknown, path: readonly (string | number)[], key: string, settings: Settings): void {
  if (typeof value !== 'object' || value === null) {
    settings.set(pathText([...path]), { key, value })
    return
  }
  for (const [step, inner] of Object.entries(value)) {
    const isItem = Array.isArray(value)
    const innerKey = isItem ? `${key}[]` : key === '' ? step : `${key}.${step}`
    collect(inner, [...path, isItem ? Number(step) : step], innerKey, settings)
  }
}
