import type { Socket } from 'node:net'
import { native } from '../../native.ts'
import type { RoutedClient } from '../../routing/route-sources.ts'
import { rawOf } from '../../tls/wire.ts'
import { handleOf } from '../handle.ts'
import type { ProxiedClient } from '../proxied-client.ts'
import type { Routes, Target } from '../target.ts'
import type { Arrival, ArrivalStep } from './arrival.ts'
import type { HeadFound } from './head-peek.ts'

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

/** The pool that it is for, where its listener serves several. */
export const findRoute: ArrivalStep = (arrival, next) => {
  const { routes } = arrival.target
  if (routes === undefined) {
    next()
    return
  }
  const { sources, to } = routes
  const chosen = ({ key }: HeadFound): void => {
    const name = key === undefined ? undefined : Buffer.from(key).toString()
    hasRoute(arrival, name === undefined ? undefined : to.find(({ pool }) => pool.name === name), next)
  }
  arrival.search(
    { sources, connection: routedClient(arrival, routes), proxyHeader: undefined },
    arrival.limits(),
    chosen,
  )
}

function routedClient(arrival: Arrival, { asksForPort }: Routes<Target>): RoutedClient {
  const { client, clientAddress, clientPort, proxied, secured, target } = arrival
  const port = asksForPort ? destinationPort(rawOf(client) ?? client, proxied) : 0
  const connection = { clientAddress, clientPort, listener: target.listener, port: port === 0 ? undefined : port }
  return { connection: Object.freeze(connection), port, secured }
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
