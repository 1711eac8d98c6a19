import { describeBackend } from '../../config/describe.ts'
import type { ResolvedBackend } from '../../config/resolved.ts'
import { overlayOf, type PoolOverlay, withOverlay } from '../../state/overlay.ts'

/** A change of a shared roster, which can be made again on a newer one. */
export interface RosterEdit {
  /** What it does, for people. */
  readonly what: string
  /** Whether it needs to know what was there before. */
  readonly isRebased: boolean
  /**
   * The overlay after it.
   *
   * @throws what the pool throws where it cannot be made
   */
  apply(overlay: PoolOverlay, configured: readonly ResolvedBackend[]): PoolOverlay
}

export const EMPTY: PoolOverlay = { added: [], changed: {}, removed: [] }

/** Everything is as it is configured. */
export const FORGET: RosterEdit = { what: 'forget', isRebased: false, apply: () => EMPTY }

/**
 * A change of one backend. What the overlay says of others stays as it is, also what does not fit the configuration here: that
 * of another balancer may have it.
 *
 * @param make - the backend after it, of the one before; undefined: there is none
 */
export function backendEdit(
  name: string,
  what: string,
  make: (before: ResolvedBackend | undefined) => ResolvedBackend | undefined,
): RosterEdit {
  return {
    what,
    isRebased: true,
    apply(overlay, configured) {
      const before = withOverlay(configured, overlay).backends.find(backend => backend.name === name)
      const after = make(before)
      const base = configured.filter(backend => backend.name === name)
      const part = overlayOf(base, after === undefined ? [] : [after]) ?? EMPTY
      const { [name]: _, ...changed } = overlay.changed
      const added = overlay.added.filter(backend => backend.name !== name)
      const removed = overlay.removed.filter(other => other !== name)
      // In its place, where it had one: backends stay in the order in which they were added.
      const at = overlay.added.findIndex(backend => backend.name === name)
      added.splice(at < 0 ? added.length : at, 0, ...part.added)
      return {
        added,
        changed: Object.fromEntries([...Object.entries(changed), ...Object.entries(part.changed)]),
        removed: [...removed, ...part.removed],
      }
    },
  }
}

/** Settings of a backend in a few words, for people. */
export function settingsText(settings: object): string {
  return Object.entries(settings)
    .map(([key, value]) => (typeof value === 'object' ? key : `${key} ${String(value)}`))
    .join(', ')
}

export function backendText(backend: ResolvedBackend): string {
  const { name: _, ...settings } = describeBackend(backend)
  return settingsText(settings)
}
