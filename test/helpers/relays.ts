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

/** The same suite over every pair that this platform has. */
export function forEachRelay(title: string, body: (pair: RelayPair) => void): void {
  describePairs(RELAYS, title, body)
}

/** The same, for what the threads of the native acceptor cannot do: where it could be chosen, `auto` is. */
export function forEachRelayOfNet(title: string, body: (pair: RelayPair) => void): void {
  const chosen = RELAYS.map(({ listener, ...pair }): RelayPair => {
    const { acceptor, relay } = listener
    if (acceptor !== 'native') return { ...pair, listener }
    return { ...pair, name: 'acceptor auto, native relay', listener: { acceptor: 'auto', relay } }
  })
  describePairs(chosen, title, body)
}

/**
 * The same, for a suite that takes long and is about the relay: each relay once, with the acceptor that `auto` takes. The
 * soak run has every pair.
 */
export function forEachRelayOnce(title: string, body: (pair: RelayPair) => void): void {
  const isUsual = ({ listener }: RelayPair): boolean => listener.relay === 'stream' || listener.acceptor === 'native'
  describePairs(soak ? RELAYS : RELAYS.filter(isUsual), title, body)
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
