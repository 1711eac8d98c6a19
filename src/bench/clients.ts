/** Names of backends that every subject takes: `hashring` wants host and port. */
export function backendNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `10.1.${index >> 8}.${index & 255}:7000`)
}

/** A 32-bit permutation with avalanche (the finaliser of MurmurHash3): numbers in a row become numbers at random. */
export function permuted(number: number): number {
  let mixed = number | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** The IPv4 address of a client by its number, all different; one flat string, as that of a socket is. */
export function clientAddress(client: number): string {
  // An odd constant: a permutation, too, but not the one that draws from the clients.
  const bits = (Math.imul(client, 0x9e3779b1) ^ 0x5bd1e995) >>> 0
  return Buffer.from(`${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`).toString('latin1')
}
