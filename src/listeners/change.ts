import { isDeepStrictEqual } from 'node:util'
import { chooseAcceptor } from '../acceptor/choose.ts'
import { NetAcceptor } from '../acceptor/net-acceptor.ts'
import { nativeOs } from '../acceptor/open-socket.ts'
import { type BindAddress, formatAddress } from '../config/address.ts'
import type { ResolvedListener, ResolvedPool } from '../config/resolved.ts'
import { LimpetError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { BoundListener } from '../loop-check.ts'
import type { PoolCore } from '../pool/core.ts'
import { sessionSettings } from '../relay/session-settings.ts'
import type { Destination, Target } from '../relay/target.ts'
import { type Destinations, destinationsOf } from './destinations.ts'
import { boundOf, type ListenerParts, makeListener, makeReady, type OpenListener } from './open-listener.ts'

/** What the listeners are to be. */
export interface NextListeners {
  listeners: readonly ResolvedListener[]
  pools: ReadonlyMap<string, ResolvedPool>
  /** The pools that there will be. */
  cores: ReadonlyMap<string, PoolCore>
}

/** A listener that is new, or has other settings. */
interface MadeListener {
  listener: OpenListener
  /** Whose listen socket it goes on with; undefined: it has bound its own. */
  from: OpenListener | undefined
}

/** A change of listeners that can be committed. */
export interface ListenerChange {
  next: ReadonlyMap<string, OpenListener>
  made: readonly MadeListener[]
  /** Those that are in no place any more, and whose sockets nobody goes on with. */
  ended: readonly OpenListener[]
  /** Those that get no clients any more. */
  retired: readonly OpenListener[]
}

/** Where the listeners will listen. */
export function boundAfter({ made, next }: ListenerChange): BoundListener[] {
  const shared = new Map(made.map(({ listener, from }) => [listener, from]))
  return [...next.values()].map(listener => ({
    ...boundOf(listener),
    address: (shared.get(listener) ?? listener).acceptor.address(),
  }))
}

export async function prepareChange(
  parts: ListenerParts,
  open: ReadonlyMap<string, OpenListener>,
  { listeners, pools, cores }: NextListeners,
): Promise<ListenerChange> {
  const next = new Map<string, OpenListener>()
  const made: MadeListener[] = []
  const kept = new Set<OpenListener>()
  for (const settings of listeners) {
    const old = open.get(settings.name)
    const destinations = destinationsOf(settings, name => {
      const [pool, session] = [cores.get(name), pools.get(name)]
      return pool && session && { pool, session }
    })
    if (old !== undefined && isAsItWas(old, settings, destinations)) {
      kept.add(old)
      next.set(settings.name, old)
      continue
    }
    if (old !== undefined) refuseOtherAcceptor(old, settings, destinations)
    const listener = makeListener(parts, settings, destinations, old)
    next.set(settings.name, listener)
    made.push({ listener, from: undefined })
  }
  const retired = [...open.values()].filter(listener => !kept.has(listener))
  const free = new Set(retired)
  for (const one of made) {
    one.from = [...free].find(old => canShare(old, one.listener))
    if (one.from !== undefined) free.delete(one.from)
  }
  const change = { next, made, ended: [...free], retired }
  try {
    await bindNew(parts, made)
    return change
  } catch (error) {
    await withdrawChange(parts, change)
    throw error
  }
}

/** It was not to be: what was opened is closed again. */
export async function withdrawChange({ relays }: ListenerParts, { made }: ListenerChange): Promise<void> {
  await Promise.all(made.map(({ listener }) => listener.acceptor.close(AbortSignal.abort())))
  for (const { listener } of made) relays.retire(listener.target)
}

/** Resolves when the listeners that are gone listen no more. Whoever waits in a queue is served by the one or the other. */
export async function commitChange(
  { relays }: ListenerParts,
  { made, ended, retired }: ListenerChange,
  hurry: AbortSignal,
): Promise<void> {
  const taking = made.map(async ({ listener, from }) => {
    const { acceptor, settings, target } = listener
    if (from === undefined) {
      acceptor.accept()
      return
    }
    await acceptor.takeOver()
    listener.hasOptions = acceptor.setOptions(target.timeouts.keepalive)
    if (settings.backlog !== from.settings.backlog) nativeOs()?.adopt(acceptor.fd, settings.backlog)
    acceptor.accept()
  })
  const ending = ended.map(({ acceptor }) => acceptor.close(hurry))
  await Promise.all([...taking, ...ending])
  for (const { target } of retired) relays.retire(target)
}

export function tellEnded({ name, bind }: ResolvedListener, log: Log): void {
  log.info({ listener: name, address: bind.kind === 'fd' ? bind : formatAddress(bind) }, 'listens no more')
}

/** Looks names up and binds, or takes copies of sockets; all of it, or it throws when everything is settled. */
async function bindNew({ relays }: ListenerParts, made: readonly MadeListener[]): Promise<void> {
  const bound = made.map(async ({ listener, from }) => {
    const { acceptor } = listener
    if (from !== undefined) {
      acceptor.share(from.acceptor)
      if (acceptor instanceof NetAcceptor) relays.add(listener.target, listener.settings.relay, from.hasOptions)
      return
    }
    await acceptor.lookUp()
    await acceptor.listen()
    makeReady(listener, relays)
  })
  const results = await Promise.allSettled(bound)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

function isAsItWas(open: OpenListener, settings: ResolvedListener, { main, routes }: Destinations): boolean {
  // Of equal settings: the same places, in the same order.
  const next = [main, ...(routes?.to ?? [])]
  return isDeepStrictEqual(open.settings, settings) && open.target.all.every((target, at) => leadsAs(target, next[at]))
}

function leadsAs(target: Target, next: Destination | undefined): boolean {
  if (next === undefined || target.pool !== next.pool) return false
  return isDeepStrictEqual(sessionSettings(target), sessionSettings(next.session))
}

/**
 * `acceptor: auto` is another one with a pool whose keys are made by code. The socket cannot change hands between the two, and
 * both cannot have its address.
 */
function refuseOtherAcceptor(old: OpenListener, settings: ResolvedListener, { main, routes }: Destinations): void {
  const { name, bind } = settings
  if (!isDeepStrictEqual(old.settings.bind, bind) || isChosen(bind)) return
  const was = old.acceptor instanceof NetAcceptor ? 'net' : 'native'
  const pools = [main, ...(routes?.to ?? [])].map(({ pool }) => pool.settings)
  const is = chooseAcceptor(settings, pools)
  if (was === is) return
  const message = `nothing was changed: a restart is needed for listeners.${name}.${settings.pool === undefined ? 'route' : 'pool'}, with which its acceptor is ${is}, not ${was}`
  throw new LimpetError('LIMPET_ERR_NEEDS_RESTART', message, { listener: name })
}

/** Whether one can go on with the socket of another one. A port that the system chose is nobody's but the listener's own. */
function canShare({ settings: old, acceptor }: OpenListener, { settings, acceptor: next }: OpenListener): boolean {
  if (acceptor.constructor !== next.constructor || !isDeepStrictEqual(old.bind, settings.bind)) return false
  return old.name === settings.name || !isChosen(settings.bind)
}

function isChosen(bind: BindAddress): boolean {
  return 'port' in bind && bind.port === 0
}
