/** Whether the full counts run (`npm run test:soak`). */
export const soak = process.env.LIMPET_TEST_SOAK === '1'

/** A count of the fault matrix: reduced for `npm test`, which stays within minutes, full for `npm run test:soak`. */
export function rounds(reduced: number, full: number): number {
  return soak ? full : reduced
}
