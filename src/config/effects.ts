/**
 * What a reload makes of a setting that differs. `at once`: it holds for everything from then on. `new sessions`: those that
 * live go on as they began. `restart`: nothing; the reload is refused as a whole.
 */
export type Effect = 'at once' | 'new sessions' | 'restart'

/**
 * By place, as the schema has it: that place and what is below it. Every key of the schema is here; listeners and pools that
 * are new or gone are not asked for.
 */
export const EFFECTS: Readonly<Record<string, Effect>> = {
  'listeners[].name': 'at once',
  'listeners[].bind': 'at once',
  'listeners[].pool': 'new sessions',
  'listeners[].route': 'new sessions',
  'listeners[].acceptor': 'restart',
  'listeners[].relay': 'restart',
  'listeners[].maxSessions': 'new sessions',
  'listeners[].backlog': 'at once',
  'listeners[].deferAccept': 'new sessions',
  'listeners[].fastOpen': 'new sessions',
  'listeners[].peek': 'new sessions',
  'listeners[].proxyProtocol': 'new sessions',
  // To begin with TLS, or to end it, is another acceptor.
  'listeners[].tls': 'restart',
  'listeners[].tls.certificates': 'new sessions',
  'listeners[].tls.clientCa': 'new sessions',
  'listeners[].tls.clientCertificates': 'new sessions',
  'listeners[].tls.minVersion': 'new sessions',
  'listeners[].tls.alpn': 'new sessions',
  'listeners[].tls.handshakeTimeout': 'new sessions',
  'listeners[].allow': 'new sessions',
  'listeners[].deny': 'new sessions',
  'pools.<name>.placement': 'restart',
  'pools.<name>.boundedLoad': 'new sessions',
  'pools.<name>.secret': 'restart',
  'pools.<name>.affinity': 'restart',
  'pools.<name>.stickTable': 'restart',
  'pools.<name>.timeouts': 'new sessions',
  'pools.<name>.backendTls': 'restart',
  'pools.<name>.maxSessions': 'new sessions',
  'pools.<name>.retries': 'new sessions',
  'pools.<name>.health': 'at once',
  'pools.<name>.failOpen': 'at once',
  'pools.<name>.ejection': 'at once',
  'pools.<name>.agent': 'at once',
  'pools.<name>.limits.sessionsPerKey': 'new sessions',
  'pools.<name>.limits.newPerSecondPerKey': 'new sessions',
  'pools.<name>.limits.burst': 'new sessions',
  'pools.<name>.limits.admitPerSecond': 'new sessions',
  'pools.<name>.limits.queue': 'restart',
  'pools.<name>.returnHome': 'new sessions',
  'pools.<name>.rebalance': 'at once',
  'pools.<name>.slowStart': 'at once',
  'pools.<name>.sendProxy': 'new sessions',
  'pools.<name>.source': 'new sessions',
  'pools.<name>.backends': 'at once',
  threads: 'restart',
  shutdownTimeout: 'at once',
  state: 'restart',
  user: 'restart',
  group: 'restart',
  log: 'at once',
  admin: 'restart',
  cluster: 'restart',
}

/** Undefined: the place is in no class. */
export function effectOf(key: string): Effect | undefined {
  for (let place = key; place !== ''; place = parentOf(place)) {
    const effect = EFFECTS[place]
    if (effect !== undefined) return effect
  }
  return undefined
}

function parentOf(place: string): string {
  return place.endsWith('[]') ? place.slice(0, -2) : place.slice(0, Math.max(0, place.lastIndexOf('.')))
}
