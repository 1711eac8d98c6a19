import type { ListenerOptions } from '../../src/index.ts'
import { soak } from './soak.ts'
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

/** Each relay once, with the acceptor that `auto` takes. */
const USUAL = RELAYS.filter(({ listener }) => listener.relay === 'stream' || listener.acceptor === 'native')

/** The same suite over every pair that this platform has; in the soak run, which is long, over each relay once. */
export function forEachRelay(title: string, body: (pair: RelayPair) => void): void {
  describePairs(soak ? USUAL : RELAYS, title, body)
}

/** The same, for a suite that takes long and is not about accepting: each relay once, always. */
export function forEachRelayOnce(title: string, body: (pair: RelayPair) => void): void {
  describePairs(USUAL, title, body)
}

function describePairs(pairs: readonly RelayPair[], title: string, body: (pair: RelayPair) => void): void {
  for (const pair of pairs) {
    if (pair.relay === 'native' && process.platform !== 'linux') continue
    describe(`${title} (${pair.name})`, function () {
      this.timeout(TEST_MS)
      body(pair)
    })
  }
}
