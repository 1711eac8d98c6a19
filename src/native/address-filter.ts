/** Networks that are allowed and denied, as sorted ranges. */
export interface NativeAddressFilter {
  /** Whether a textual IP address is permitted; anything else is not. */
  permits(address: string): boolean
}
