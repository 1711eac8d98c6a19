/** What several balancers with one affinity are put through. Times are in seconds. */
export interface ClusterOptions {
  readonly clients: number
  readonly balancers: number
  readonly backends: number
  /** c of bounded loads; undefined: none. */
  readonly factor: number | undefined
  /** What the bound counts: a balancer's own sessions, or those of the others, too, as they were a second ago. */
  readonly scope: 'local' | 'cluster'
  /** Exceptions are shared; otherwise each balancer knows its own pins only. */
  readonly isShared: boolean
  /** How much time is simulated. */
  readonly duration: number
  /** A session, and the pause after it, on average; both are exponential. */
  readonly session: number
  readonly pause: number
  readonly ttl: number
  /** Share of the clients that come back through any balancer; the others come through the one before. */
  readonly wander: number
  /** Share of the clients that are replaced by new ones in an hour. */
  readonly churn: number
  /** From a balancer to the store and to the others. */
  readonly lag: number
  /** Pins that a balancer publishes in a second when a change makes them exceptions. */
  readonly pace: number
  readonly changes: readonly ClusterChange[]
  readonly seed: number
}

/** What happens, and when. `down` and `up` are of a backend, `kill` of a balancer, which loses what it alone knew. */
export interface ClusterChange {
  readonly at: number
  readonly what: 'add' | 'remove' | 'down' | 'up' | 'kill'
}

/** What came of it. */
export interface ClusterFindings {
  readonly sessions: number
  /** Clients that came back in time, and whose backend could have taken them. */
  readonly returns: number
  /** Those of them that met another one. */
  readonly broken: number
  /** Pins in the store, at the end and at most. */
  readonly exceptions: number
  readonly mostExceptions: number
  /** Pins that balancers know, at the end. */
  readonly pins: number
  readonly writes: number
  readonly deletes: number
  readonly refreshes: number
  /** Most operations on the store in a second. */
  readonly peakOperations: number
  /** What balancers got of what others wrote. */
  readonly deliveries: number
  /** Fullest backend at the end, as a multiple of the mean. */
  readonly fullest: number
}
