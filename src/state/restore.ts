import { ringRefusal } from '../config/ring.ts'
import type { Log } from '../log/log.ts'
import type { PoolCore } from '../pool/core.ts'
import { membershipChange } from '../pool/membership.ts'
import { withOverlay } from './overlay.ts'
import type { SavedState } from './state-file.ts'

/** Makes the backends of each pool what they were when the state was saved, and tells in the log what of it does not fit any more. */
export function restore(cores: ReadonlyMap<string, PoolCore>, saved: SavedState, log: Log): void {
  for (const [pool, overlay] of Object.entries(saved)) {
    const core = cores.get(pool)
    if (core === undefined) {
      log.warn({ pool }, 'the state file has changes of a pool that is not in the configuration any more')
      continue
    }
    const { backends, ignored } =
      core.discovery === undefined
        ? withOverlay(core.backends(), overlay)
        : { backends: core.discovery.restore(overlay), ignored: [] }
    for (const reason of ignored) log.warn({ pool, reason }, 'a change of the state file is left out')
    const refusal = core.settings.placement === 'ring' ? ringRefusal(backends) : undefined
    if (refusal !== undefined || !core.apply(membershipChange(core.backends(), backends))) {
      log.error({ pool, reason: refusal?.message ?? 'too many backends' }, 'the changes of the state file are left out')
      continue
    }
    const { added, changed, removed } = overlay
    const counts = { added: added.length, changed: Object.keys(changed).length, removed: removed.length }
    log.info({ pool, ...counts }, 'backends are as they were changed before the restart')
  }
}
