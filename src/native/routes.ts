/** What {@link NativeRouteRules.choose} says where no rule holds: one could with more bytes; there is none. */
export const RouteVerdict = { more: -1, none: -2 } as const

/** Chooses among several services by what a client asks for. */
export interface NativeRouteRules {
  readonly asksForHead: boolean
  readonly asksForPort: boolean
  /** The place of the first rule that holds, or a {@link RouteVerdict}. `ended`: no more bytes will come. `port` 0: it has none. */
  choose(head: Uint8Array, ended: boolean, port: number): number
  /** As `choose`, of a client whose TLS was ended: by the name that it asked for and the protocol that was agreed on, empty where there is none. */
  chooseFor(serverName: string, protocol: string, port: number): number
}
