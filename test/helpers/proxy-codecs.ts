import { v1_encode as encodeV1, decode as parse } from '@balena/proxy-protocol-parser'
import {
  Command,
  INETProtocol,
  IPv4Address,
  IPv4ProxyAddress,
  IPv6Address,
  IPv6ProxyAddress,
  Peer,
  TransportProtocol,
  UnspecProxyAddress,
  V1ProxyProtocol,
  V2ProxyProtocol,
} from 'proxy-protocol-js'

/** Who is joined to whom, for codecs of the PROXY protocol that others wrote. */
export interface Route {
  source: string
  sourcePort: number
  destination: string
  destinationPort: number
}

/** `@balena/proxy-protocol-parser`: both versions decoded, version 1 encoded (its version 2 says LOCAL of everything). */
export const balena = {
  decode: (head: Buffer): Route | undefined => {
    // Throws where it finds a fault.
    const found = parse(head, true)
    if (found?.remoteAddress === undefined) return undefined
    const { remoteAddress: source, remotePort: sourcePort } = found
    return { source, sourcePort, destination: found.localAddress, destinationPort: found.localPort }
  },
  encodeV1: (route: Route): Buffer =>
    encodeV1({
      remoteFamily: route.source.includes(':') ? 'IPv6' : 'IPv4',
      protocol: 'tcp',
      remoteAddress: route.source,
      remotePort: route.sourcePort,
      localAddress: route.destination,
      localPort: route.destinationPort,
    }),
}

/** `proxy-protocol-js`: both versions in both directions. */
export const builder = {
  decodeV1: (head: Buffer): Route => {
    const { source, destination } = V1ProxyProtocol.parse(head.toString('latin1'))
    const [sourcePort, destinationPort] = [source.port, destination.port]
    return { source: source.ipAddress, sourcePort, destination: destination.ipAddress, destinationPort }
  },
  decodeV2: (head: Buffer): Route | undefined => {
    const { proxyAddress: found } = V2ProxyProtocol.parse(head)
    if (!(found instanceof IPv4ProxyAddress || found instanceof IPv6ProxyAddress)) return undefined
    const { sourcePort, destinationPort } = found
    const source = toText(found.sourceAddress.address)
    return { source, sourcePort, destination: toText(found.destinationAddress.address), destinationPort }
  },
  encodeV1: (route: Route): Buffer => {
    const source = new Peer(route.source, route.sourcePort)
    const destination = new Peer(route.destination, route.destinationPort)
    const protocol = route.source.includes(':') ? INETProtocol.TCP6 : INETProtocol.TCP4
    return Buffer.from(new V1ProxyProtocol(protocol, source, destination).build())
  },
  encodeV2: (route: Route): Buffer => {
    const address = route.source.includes(':')
      ? new IPv6ProxyAddress(ipv6(route.source), route.sourcePort, ipv6(route.destination), route.destinationPort)
      : new IPv4ProxyAddress(ipv4(route.source), route.sourcePort, ipv4(route.destination), route.destinationPort)
    return Buffer.from(new V2ProxyProtocol(Command.PROXY, TransportProtocol.STREAM, address).build())
  },
  encodeLocal: (): Buffer =>
    Buffer.from(new V2ProxyProtocol(Command.LOCAL, TransportProtocol.UNSPEC, new UnspecProxyAddress()).build()),
}

/** Every group of an IPv6 address written out, without leading zeros; `::` is for codecs that write it elsewhere. */
export function written(address: string): string {
  if (!address.includes(':')) return address
  const [left = '', right] = address.split('::')
  const [before, after] = [left, right ?? ''].map(text => (text === '' ? [] : text.split(':')))
  const groups = [...(before ?? []), ...(after ?? [])]
  const zeros = right === undefined ? [] : Array.from({ length: 8 - groups.length }, () => '0')
  return [...(before ?? []), ...zeros, ...(after ?? [])].map(group => Number.parseInt(group, 16).toString(16)).join(':')
}

function toText(bytes: ArrayLike<number>): string {
  const all = Buffer.from(Array.from(bytes))
  if (all.length === 4) return all.join('.')
  return Array.from({ length: 8 }, (_, i) => all.readUInt16BE(2 * i).toString(16)).join(':')
}

function ipv4(address: string): IPv4Address {
  return IPv4Address.createFrom(address.split('.').map(Number))
}

function ipv6(address: string): IPv6Address {
  const groups = written(address).split(':')
  return IPv6Address.createFrom(
    groups.map(group => Number.parseInt(group, 16)).flatMap(group => [group >> 8, group & 255]),
  )
}
