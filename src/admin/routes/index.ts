import type { Route } from '../route.ts'
import { addBackend, listBackends, removeBackend, showBackend, updateBackend } from './backends.ts'
import { listClosings, showClosing, startClosing, stopClosing } from './closings.ts'
import { showConfig } from './config.ts'
import { followEvents } from './events.ts'
import { explainAddress } from './explain.ts'
import { isAlive, isReady } from './health.ts'
import { listKeys } from './keys.ts'
import { followSessions } from './log.ts'
import { showMetrics } from './metrics.ts'
import { describeApi } from './openapi.ts'
import { planChange } from './plan.ts'
import { listPools, showPool } from './pools.ts'
import { reloadConfig } from './reload.ts'
import { forgetRoster, listRosterChanges } from './roster.ts'
import { closeSession, listSessions } from './sessions.ts'
import { showStatus } from './status.ts'
import { clearPins, deletePin, importPins, listPins, setPin, showPin } from './table.ts'

/** Everything that can be asked; a route is mounted, and documented, by its line here. */
export const ROUTES: readonly Route[] = [
  isAlive,
  isReady,
  showMetrics,
  describeApi,
  showStatus,
  showConfig,
  listPools,
  showPool,
  listBackends,
  addBackend,
  showBackend,
  updateBackend,
  removeBackend,
  listRosterChanges,
  forgetRoster,
  explainAddress,
  planChange,
  listKeys,
  listPins,
  clearPins,
  showPin,
  setPin,
  deletePin,
  importPins,
  listSessions,
  closeSession,
  listClosings,
  startClosing,
  showClosing,
  stopClosing,
  reloadConfig,
  followEvents,
  followSessions,
]
