import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ResolvedCheckTls } from '../config/resolved.ts'
import { checkHeader } from '../relay/proxy-out.ts'
import { sourcesInTurn } from '../relay/sources.ts'
import { type CheckTarget, dialOf } from './check.ts'

/** A socket that connects to a server that is checked; what its backends are told of clients goes first. */
export function dial(target: CheckTarget, tls: ResolvedCheckTls | undefined): Socket {
  if (tls === undefined) return dialTcp(target)
  const serverName = tls.serverName ?? target.hostName
  return connectTls({
    ...placeOf(target),
    // What waits to be written to it is written before the handshake begins.
    ...(target.outgoing.sendProxy === undefined ? {} : { socket: dialTcp(target) }),
    // An IP address is no server name (RFC 6066, section 3); without a name the certificate must hold the address.
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: tls.verify,
  })
}

function dialTcp(target: CheckTarget): Socket {
  const socket = connectTcp(placeOf(target))
  const { sendProxy } = target.outgoing
  if (sendProxy !== undefined) socket.write(checkHeader(sendProxy))
  return socket
}

function placeOf({ endpoint, outgoing }: CheckTarget) {
  const [localAddress] = sourcesInTurn(outgoing.sources, endpoint)
  return { ...dialOf(endpoint), ...(localAddress === undefined ? {} : { localAddress }) }
}
