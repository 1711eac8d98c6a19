import type { Socket } from 'node:net'
import { native, RouteVerdict } from '../../native.ts'
import type { SecuredClient } from '../../tls/handshake.ts'
import { rawOf } from '../../tls/wire.ts'
import { handleOf } from '../handle.ts'
import type { ProxiedClient } from '../proxied-client.ts'
import type { Routes, Target } from '../target.ts'
import type { Arrival, ArrivalStep } from './arrival.ts'
import type { HeadLooked } from './head-step.ts'

/**
 * The port that a client of the stream relay connected to: that of the PROXY header, where it names one. 0: it has none (unix
 * socket). As in native/relay/worker_route.cc.
 */
function destinationPort(client: Socket, proxied: ProxiedClient | undefined): number {
  const destination = proxied?.header.destination
  if (destination !== undefined) return 'port' in destination ? destination.port : 0
  const fd = handleOf(client)?.fd ?? -1
  const original = fd >= 0 ? native().destinationPort?.(fd) : undefined
  return original || (client.localPort ?? 0)
}

/** Where a client goes whose TLS has ended here. Undefined: there is no route for it. */
function chooseSecured(
  { rules, to }: Routes<Target>,
  { sni = '', alpn = '' }: SecuredClient,
  port: number,
): Target | undefined {
  return to[rules.chooseFor(sni, alpn, port)]
}

/** Where a client goes that has said this; `more`: it must say more first. Undefined: there is no route for it. */
function chooseRoute(
  { rules, to }: Routes<Target>,
  head: Uint8Array,
  isEnded: boolean,
  port: number,
): Target | 'more' | undefined {
  const place = rules.choose(head, isEnded, port)
  return place === RouteVerdict.more ? 'more' : to[place]
}

/** The pool that it is for, where its listener serves several. */
export const findRoute: ArrivalStep = (arrival, next) => {
  const { routes } = arrival.target
  if (routes === undefined) {
    next()
    return
  }
  const { client, proxied, secured } = arrival
  const port = routes.rules.asksForPort ? destinationPort(rawOf(client) ?? client, proxied) : 0
  const routed = (target: Target | undefined): void => hasRoute(arrival, target, next)
  if (secured !== undefined) routed(chooseSecured(routes, secured, port))
  else lookForRoute(arrival, routes, port, routed)
}

function lookForRoute(
  arrival: Arrival,
  routes: Routes<Target>,
  port: number,
  routed: (target: Target | undefined) => void,
): void {
  let chosen: Target | undefined
  const limits = arrival.limits()
  const look = (head: Buffer, isEnded: boolean): HeadLooked => {
    const target = chooseRoute(routes, head.subarray(0, limits.bytes), isEnded, port)
    if (target === 'more') return { head, isDone: false }
    chosen = target
    return { head, isDone: true }
  }
  arrival.look(limits, look, () => routed(chosen))
}

function hasRoute(arrival: Arrival, target: Target | undefined, next: () => void): void {
  if (target === undefined) {
    arrival.events.refused('refusedNoRoute')
    return
  }
  const { idle } = arrival.target.timeouts.keepalive
  arrival.target = target
  const keepaliveMs = target.timeouts.keepalive.idle
  const socket = rawOf(arrival.client) ?? arrival.client
  if (keepaliveMs !== idle) socket.setKeepAlive(keepaliveMs > 0, keepaliveMs)
  next()
}
