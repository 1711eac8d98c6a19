import { expect } from 'chai'
import { nativePlacement, oraclePlacement, type PlacementSetup } from './subject.ts'

/** Home and order of every address are the same on both sides. */
export function expectSame(setup: PlacementSetup, addresses: Iterable<string>): void {
  const [subject, oracle] = [nativePlacement(setup), oraclePlacement(setup)]
  const names = setup.backends.map(({ name }) => name)
  for (const address of addresses) {
    const order = oracle.order(address)
    // Comparing joined texts: chai takes microseconds for an array.
    const native = Array.from(subject.order(address) ?? [], index => JSON.stringify(names[index])).join()
    if (native !== order.map(name => JSON.stringify(name)).join())
      expect(native, `order of ${address}`).to.equal(order.join())
    const home = subject.home(address)
    if (names[home] !== order[0]) expect(names[home], `home of ${address}`).to.equal(order[0])
  }
}
