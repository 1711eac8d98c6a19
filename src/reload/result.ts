import type { BackendChange } from '../balancer-types.ts'
import type { FoundChange, SettingChange } from '../config/changes.ts'
import { type ChangeEvent, settingsOf } from '../pool/pool.ts'
import type { Done } from './backends.ts'

export type { SettingChange }

/** What a reload changed. */
export interface ReloadResult {
  /** Number of the state that holds now: one more with every change of backends, however it was made. */
  generation: number
  /** Backends, those of pools that are new included. */
  added: BackendChange[]
  updated: BackendChange[]
  /** Backends, those of pools that are gone included. */
  removed: BackendChange[]
  /** Settings besides backends, and listeners and pools that are new or gone. */
  settings: SettingChange[]
}

/** What the caller of a reload is told. */
export function resultOf(generation: number, done: readonly Done[], changes: readonly FoundChange[]): ReloadResult {
  const of = (wanted: ChangeEvent): BackendChange[] =>
    done.flatMap(({ event, core, backend }) => (event === wanted ? [{ pool: core.name, ...settingsOf(backend) }] : []))
  const settings = changes.map(({ path, kind }) => ({ path, kind }))
  return {
    generation,
    added: of('backendAdded'),
    updated: of('backendUpdated'),
    removed: of('backendRemoved'),
    settings,
  }
}

/** The same, for a line of the log: so many backends, and the places of settings. */
export function summaryOf({ generation, added, updated, removed, settings }: ReloadResult): object {
  const places = settings.map(({ path }) => path)
  return {
    generation,
    added: added.length,
    updated: updated.length,
    removed: removed.length,
    ...(places.length === 0 ? {} : { settings: places }),
  }
}
