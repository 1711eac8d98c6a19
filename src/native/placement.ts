/** Slots of rendezvous: `kPlacementSlots` of `native/core/rendezvous.h`. */
export const PLACEMENT_SLOTS = 2 ** 20

/** Parts of the core for other uses; see `Placement` in `src/core/placement.ts`. */
export interface NativePlacement {
  /** Index (into the constructor's names) of the home of an address, -1: no backend, -2: not an address. */
  home(address: string): number
  /** Index of the home of arbitrary bytes (up to 64 KiB). */
  homeOfBytes(key: Uint8Array): number
  /** The whole order of an address, best first; null: not an address. */
  order(address: string): Uint16Array | null
  orderOfBytes(key: Uint8Array): Uint16Array
  /** Share of the slots (rendezvous) or of the circle (ring) each backend is home of; walks everything, may take 100 ms and more. */
  shares(): Float64Array
  /**
   * Homes (indexes; 65,535: none) of `count` places, spread evenly over the key space; 2^20 are all slots of rendezvous.
   */
  homes(count: number): Uint16Array
}
