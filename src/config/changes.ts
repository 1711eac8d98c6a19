import { describeConfig } from './describe.ts'
import type { PoolSecret } from './pool-secret.ts'
import type { ResolvedConfig } from './resolved.ts'
import { pathText } from './text.ts'

/** Places of the settings that differ between two configurations and hold until a restart: all but the backends. */
export function restartPaths(before: ResolvedConfig, after: ResolvedConfig): string[] {
  const [old, now] = [lasting(before), lasting(after)]
  const places = [...new Set([...old.keys(), ...now.keys()])]
  return places.filter(place => old.get(place) !== now.get(place))
}

/** Every setting but the backends, by its place. Of a secret, what it is and not where it is from. */
function lasting(config: ResolvedConfig): Map<string, unknown> {
  const { pools, ...rest } = describeConfig(config)
  const settings = new Map<string, unknown>()
  collect(rest, [], settings)
  if (config.admin?.token !== undefined) settings.set('admin.token', text(config.admin.token))
  for (const [name, { backends: _, secret: __, ...pool }] of Object.entries(pools)) {
    collect(pool, ['pools', name], settings)
    const secret = config.pools.get(name)?.secret
    settings.set(pathText(['pools', name, 'secret']), secret && text(secret))
  }
  return settings
}

function text(secret: PoolSecret): string {
  return secret.bytes().toString('latin1')
}

function collect(value: unknown, path: readonly (string | number)[], settings: Map<string, unknown>): void {
  if (typeof value !== 'object' || value === null) {
    settings.set(pathText([...path]), value)
    return
  }
  for (const [key, inner] of Object.entries(value)) {
    collect(inner, [...path, Array.isArray(value) ? Number(key) : key], settings)
  }
}

/** Every single setting of a described configuration, or of a part of it that is at `path`, by its place. */
export function settingsByPlace(described: object, path: readonly string[] = []): Map<string, unknown> {
  const settings = new Map<string, unknown>()
  collect(described, path, settings)
  return settings
}
