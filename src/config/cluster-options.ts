import type { Duration, SecretOption } from './value-options.ts'

/** Balancers that share which clients are not at home, through Redis or Valkey. */
export interface ClusterOptions {
  /**
   * Where it is shared: `redis://[user:password@]host[:port][/database]`, `rediss://…` with TLS,
   * `redis+sentinel://host,host/PRIMARY` or `redis+cluster://host,host`; with a password better as `{ env }` or `{ file }`.
   */
  url: SecretOption
  /**
   * What the balancers that belong together call themselves.
   * @defaultValue 'default'
   */
  name?: string | undefined
  /**
   * What the keys in the store begin with.
   * @defaultValue 'limpet'
   */
  prefix?: string | undefined
  /**
   * A file of certificates that may have signed that of the store, in PEM.
   * @defaultValue 'off', those of the system
   */
  ca?: string | undefined
  /**
   * How long a start waits for the exceptions that there are, before the first client is accepted; up to 10 minutes.
   * @defaultValue '5s'
   */
  startTimeout?: Duration | undefined
  /**
   * How long a change that moves homes waits until every balancer has said which clients stay where they are; 1 s to
   * 10 minutes.
   * @defaultValue '10s'
   */
  switchTimeout?: Duration | undefined
  /**
   * Whose backends an operator changes: those of the balancer that is asked, or those of all.
   * @defaultValue 'local'
   */
  membership?: ClusterMembership | undefined
}

/** Whose backends an operator changes. */
export type ClusterMembership = 'local' | 'cluster'
