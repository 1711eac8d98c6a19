import type { Socket } from 'node:net'
import { native, RouteVerdict } from '../native.ts'
import type { SecuredClient } from '../tls/handshake.ts'
import { handleOf } from './handle.ts'
import type { ProxiedClient } from './proxied-client.ts'
import type { Routes, Target } from './target.ts'

/**
 * The port that a client of the stream relay connected to: that of the PROXY header, where it names one. 0: it has none (unix
 * socket). As in native/relay/worker_route.cc.
 */
export function destinationPort(client: Socket, proxied: ProxiedClient | undefined): number {
  const destination = proxied?.header.destination
  if (destination !== undefined) return 'port' in destination ? destination.port : 0
  const fd = handleOf(client)?.fd ?? -1
  const original = fd >= 0 ? native().destinationPort?.(fd) : undefined
  return original || (client.localPort ?? 0)
}

/** Where a client goes whose TLS has ended here. Undefined: there is no route for it. */
export function chooseSecured(
  { rules, to }: Routes<Target>,
  { sni = '', alpn = '' }: SecuredClient,
  port: number,
): Target | undefined {
  return to[rules.chooseFor(sni, alpn, port)]
}

/** Where a client goes that has said this; `more`: it must say more first. Undefined: there is no route for it. */
export function chooseRoute(
  { rules, to }: Routes<Target>,
  head: Uint8Array,
  isEnded: boolean,
  port: number,
): Target | 'more' | undefined {
  const place = rules.choose(head, isEnded, port)
  return place === RouteVerdict.more ? 'more' : to[place]
}
