/** The PROXY protocol; see `src/protocol/proxy.ts`. Commands are 0 (local) and 1, transports 0 (unspecified), 1 (stream) and 2. */
export interface NativeProxy {
  /** Of the first bytes of a connection: the header; 0: more are needed; negative: the number of a fault. `most`: longest header of version 2. */
  decode(head: Uint8Array, most: number): NativeProxyHeader | number
  /**
   * Writes a header into `into`; returns how many bytes it has, 0: there is no room for it. `paths`: of unix sockets, 108
   * bytes each, or none. `tlvHeads`: type and length of each; `tlvValues`: one behind the other.
   */
  encode(
    into: Uint8Array,
    version: number,
    command: number,
    transport: number,
    source: string | undefined,
    sourcePort: number,
    destination: string | undefined,
    destinationPort: number,
    paths: Uint8Array,
    tlvHeads: Uint32Array,
    tlvValues: Uint8Array,
    checksum: boolean,
  ): number
  /** What a fault is, in one sentence without its full stop. */
  faultText(fault: number): string
}

/** A PROXY protocol header. */
export interface NativeProxyHeader {
  /** Bytes of it. */
  length: number
  version: number
  command: number
  transport: number
  /** An IP address, or the 108 bytes of a path; absent: it names nobody. */
  source?: string | Buffer
  sourcePort?: number
  destination?: string | Buffer
  destinationPort?: number
  /** Type, place in the head and length of each. */
  tlvs: Float64Array
}
