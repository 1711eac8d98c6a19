import type { Acceptor } from '../acceptor/acceptor.ts'
import { chooseAcceptor } from '../acceptor/choose.ts'
import { filterOf, proxyRulesOf } from '../acceptor/filter.ts'
import { NativeAcceptor } from '../acceptor/native-acceptor.ts'
import { NetAcceptor } from '../acceptor/net-acceptor.ts'
import { formatAddress } from '../config/address.ts'
import type { ResolvedListener } from '../config/resolved.ts'
import { poolsOf } from '../config/route.ts'
import type { Log } from '../log/log.ts'
import { type BoundListener, boundAddress } from '../loop-check.ts'
import type { Relays } from '../relay/relays.ts'
import { Target } from '../relay/target.ts'
import { Terminator } from '../tls/terminator.ts'
import type { Destinations } from './destinations.ts'

/** What every listener of a service needs. */
export interface ListenerParts {
  relays: Relays
  log: Log
  /** Told what goes wrong with a listener after it was opened. */
  failed: (error: Error, listener: string) => void
}

/** A listener, and where its clients go. */
export interface OpenListener {
  readonly settings: ResolvedListener
  readonly acceptor: Acceptor
  readonly target: Target
  /** What the listen socket gives to those that it accepts; see {@link Acceptor.setOptions}. */
  hasOptions: boolean
}

/**
 * A listener that does not listen yet.
 *
 * @param destinations - where its clients will go
 * @param before - the one in whose place it will be
 */
export function makeListener(
  { relays, log, failed }: ListenerParts,
  settings: ResolvedListener,
  { main, routes }: Destinations,
  before?: OpenListener,
): OpenListener {
  const { name: listener, maxSessions, peek } = settings
  const tls = settings.tls && new Terminator(settings.tls, listener, log, before?.target.tls)
  const target = new Target({
    listener,
    ...main,
    routes,
    maxSessions,
    peek,
    tls,
    filter: filterOf(settings),
    proxy: proxyRulesOf(settings),
    before: before?.target,
  })
  const pools = target.all.map(({ pool }) => pool.settings)
  const isNative = chooseAcceptor(settings, pools) === 'native'
  const acceptor = isNative
    ? new NativeAcceptor(settings, relays.addAccepting(target))
    : new NetAcceptor(settings, {
        serve: client => void relays.serve(target, client),
        failed: error => failed(error, listener),
      })
  return { settings, acceptor, target, hasOptions: false }
}

/** When it listens, and before it accepts: what comes from its socket has the options of the listener. */
export function makeReady(open: OpenListener, relays: Relays): void {
  open.hasOptions = open.acceptor.setOptions(open.target.timeouts.keepalive)
  if (open.acceptor instanceof NetAcceptor) relays.add(open.target, open.settings.relay, open.hasOptions)
}

/** As loops are looked for: those that code may choose are its own business. */
export function boundOf({ acceptor, settings }: OpenListener): BoundListener {
  return { name: settings.name, pools: poolsOf(settings), bind: settings.bind, address: acceptor.address() }
}

/** Writes where it listens. */
export function tellListening(open: OpenListener, log: Log): void {
  const { name, pools: _, ...listener } = boundOf(open)
  const { pool, pools } = open.settings
  const address = boundAddress(listener)
  const acceptor = open.acceptor instanceof NativeAcceptor ? 'native' : 'net'
  const relay = open.target.nativeId === undefined ? 'stream' : 'native'
  const tls = open.target.tls === undefined ? {} : { tls: open.target.tls.serials }
  const to = pool === undefined ? { pools } : { pool }
  log.info({ listener: name, address: address && formatAddress(address), ...to, acceptor, relay, ...tls }, 'listening')
}
