import type { ProxyHeader } from '../protocol/proxy.ts'

/** What a PROXY header said of the client of a session, as native/relay/proxied_client.h has it. */
export interface ProxiedClient {
  /** Its TLVs are views of {@link ProxiedClient.bytes}. */
  readonly header: ProxyHeader
  /** The header as it came, and nothing else. */
  readonly bytes: Buffer
  /** Who connected: the proxy. */
  readonly peer: { readonly address: string | undefined; readonly port: number | undefined }
}

/** The address of the client that the header names; undefined: it has none (a unix socket), or nobody is named. */
export function addressOf({ header: { source } }: ProxiedClient): { address: string; port: number } | undefined {
  return source !== undefined && 'address' in source ? source : undefined
}
