/** What a header of version 2 can say besides the addresses. */
export type ProxyTlvName = 'authority' | 'uniqueId' | 'crc32c'

/** The PROXY protocol header that backends get. */
export interface SendProxyOptions {
  /** @defaultValue 'v2' */
  version?: 'v1' | 'v2' | undefined
  /**
   * What a header of version 2 says besides the addresses. `authority`: the server name of the client's TLS, where it has come
   * by then; `uniqueId`: the id of the session; `crc32c`: a checksum of the header.
   * @defaultValue []
   */
  tlvs?: ProxyTlvName[] | undefined
}

/** Where connections to backends come from. */
export interface SourceOptions {
  /**
   * IP addresses of this host, at most 64: connections come from them in turn, from those of the backend's family, and from the
   * next one where all ports of one are taken. Empty: the system chooses.
   * @defaultValue []
   */
  bind?: string[] | undefined
  /**
   * `on` (`true`): sessions reach the backend from the client's own IP address (IP_TRANSPARENT); `port`: and from its port. Only
   * with the native relay, with CAP_NET_ADMIN, and in a network that routes the answers back to this host.
   * @defaultValue 'off'
   */
  transparent?: 'off' | 'on' | 'port' | boolean | undefined
}
