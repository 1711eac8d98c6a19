/** The shared roster of a pool, as a balancer has it. Plain data. */
export interface RosterStatus {
  pool: string
  /** That of the backends here; 0: they are as they are configured, or were changed here only. */
  version: number
  /** The newest that is known; another one than `version`: it cannot be used here yet, and `error` says why. */
  newest: number
  /** The balancer where the newest was made; absent: nothing was changed yet. */
  by?: string
  /** Who made it there, as far as it was said. */
  actor?: string
  /** When, in milliseconds since the epoch, by the clock of the store. */
  at?: number
  /** Whether backends were changed here only, since they were those of the roster. */
  isLocal: boolean
  /** Why the newest cannot be used; absent: it can. */
  error?: string
}

/** A change of a shared roster. Plain data. */
export interface RosterChangeEntry {
  /** That it made. */
  version: number
  /** The balancer where it was made. */
  by: string
  /** Who made it there; absent: it was not said. */
  actor?: string
  /** When, in milliseconds since the epoch, by the clock of the store. */
  at: number
  /** What was changed, for people. */
  what: string
}

/** What of a change of backends is not what is changed. */
export interface RosterOptions {
  /** Only if the roster has this version yet; 0: nothing was changed yet. Left out: whatever it has. */
  ifVersion?: number | undefined
  /** Here only, whatever the other balancers have; until the next change of the roster. */
  local?: boolean | undefined
  /** Who asks for it, for the list of changes. */
  actor?: string | undefined
}
