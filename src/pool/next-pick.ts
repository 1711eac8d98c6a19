import { NativeBackendState, type Reason } from '../native.ts'
import type { PoolCore } from './core.ts'
import { servesPins } from './serves-pins.ts'

/** Where a connection of a client would go now, and why. Limits of the client and of the listener are not asked. */
export interface NextPick {
  backend: string
  reason: Reason
  /** Sessions on it now. */
  sessions: number
  /** New clients come to it while it has fewer; null: it has no bound, or no new clients come to it. */
  bound: number | null
}

/** What is known of a client. */
interface Known {
  /** Undefined: its key is no address. */
  address: string | undefined
  home: string | undefined
  order: readonly string[]
  pin: { backend: string; returns?: true } | undefined
  /** Where others of its block are that are not at home. */
  blockPin: string | undefined
}

/** As native/core/pool_pick.cc decides, without taking a seat. Undefined: nobody would serve it, or it cannot be told. */
export function nextPick(core: PoolCore, { address, home, order, pin, blockPin }: Known): NextPick | undefined {
  const figures = core.figures()
  const told = (backend: string, reason: Reason): NextPick => {
    const { sessions, bound } = figures(backend)
    return { backend, reason, sessions, bound }
  }
  const hasRoom = (name: string): boolean => {
    const { takesNew, sessions, bound } = figures(name)
    return takesNew && (bound === null || sessions < bound)
  }
  if (pin?.returns === true && home !== undefined) return told(home, 'returned')
  const isPinned = pin !== undefined && servesPins(core, pin.backend)
  if (isPinned && !isFull(core, pin.backend, figures(pin.backend).sessions)) return told(pin.backend, 'pin')
  if (pin === undefined && blockPin !== undefined && hasRoom(blockPin)) return told(blockPin, 'pin')

  const isReady = home !== undefined && core.servedAs(home) === NativeBackendState.ready
  const isOpen = isReady && hasRoom(home)
  const admitted = isOpen ? isAdmitted(core, home, address) : isReady
  if (admitted === undefined) return undefined
  // A pinned backend that is full sends only this session elsewhere.
  if (isOpen && admitted) return told(home, isPinned ? 'overflow' : 'home')
  const other = order.find(name => name !== home && hasRoom(name)) ?? order.find(hasRoom)
  return other === undefined ? undefined : told(other, isPinned || admitted ? 'overflow' : 'failover')
}

function isFull(core: PoolCore, name: string, sessions: number): boolean {
  const backend = core.backend(name)
  const limit = backend === undefined ? 0 : core.agents.limitOf(backend)
  return limit > 0 && sessions >= limit
}

/** Whether a home that has room lets this client in: while it warms up, not all of them. Undefined: it cannot be told. */
function isAdmitted(core: PoolCore, home: string, address: string | undefined): boolean | undefined {
  if (core.rampOf(home) * core.agents.shareOf(home) >= 1) return true
  return address === undefined ? undefined : core.clientPlace(address)?.hasRoom
}
