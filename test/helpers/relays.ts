import type { ListenerOptions } from '../../src/index.ts'
import { TEST_MS } from './wait.ts'

/** An acceptor and a relay, which must behave alike in every pair. */
export interface RelayPair {
  name: string
  /** How a listener is told to use them. */
  listener: Required<Pick<ListenerOptions, 'acceptor' | 'relay'>>
  /** What the session records must say. */
  relay: 'native' | 'stream'
}

/** Every pair. */
export const RELAYS: readonly RelayPair[] = [
  { name: 'native acceptor, native relay', listener: { acceptor: 'native', relay: 'native' }, relay: 'native' },
  { name: 'net acceptor, native relay', listener: { acceptor: 'net', relay: 'native' }, relay: 'native' },
  { name: 'net acceptor, stream relay', listener: { acceptor: 'net', relay: 'stream' }, relay: 'stream' },
]

/** The same suite over every pair that this platform has. */
export function forEachRelay(title: string, body: (pair: RelayPair) => void): void {
  for (const pair of RELAYS) {
    if (pair.relay === 'native' && process.platform !== 'linux') continue
    describe(`${title} (${pair.name})`, function () {
      this.timeout(TEST_MS)
      body(pair)
    })
  }
}
