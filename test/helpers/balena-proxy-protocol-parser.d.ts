declare module '@balena/proxy-protocol-parser' {
  interface Details {
    remoteFamily?: 'IPv4' | 'IPv6'
    protocol?: 'tcp' | 'udp'
    remoteAddress: string
    remotePort: number
    localAddress: string
    localPort: number
  }
  export function decode(head: Buffer, validate?: boolean): Details | null
  export function v1_encode(details: Details): Buffer
}
