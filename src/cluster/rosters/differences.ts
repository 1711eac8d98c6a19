/** Versions of shared rosters, by pool; undefined: backends are changed at each balancer. */
export type RosterVersions = Readonly<Record<string, number>> | undefined

/** Of one member. */
const MOST_DIFFERENCES = 8

/** In what the rosters of another balancer are other ones than those here, a sentence each. */
export function rosterDifferences(here: RosterVersions, there: RosterVersions): string[] {
  if (here === undefined) return there === undefined ? [] : ['its backends are shared, and those here are not']
  if (there === undefined) return ['its backends are not shared (cluster.membership: local)']
  const both = Object.keys(here).filter(pool => Object.hasOwn(there, pool) && here[pool] !== there[pool])
  return both
    .slice(0, MOST_DIFFERENCES)
    .map(pool => `pool ${pool}: its shared roster has the version ${there[pool]} there, ${here[pool]} here`)
}

/** What a member says of its rosters. */
export function readVersions(raw: unknown): RosterVersions {
  if (typeof raw !== 'object' || raw === null) return undefined
  const versions = Object.entries(raw).filter((entry): entry is [string, number] => Number.isSafeInteger(entry[1]))
  return Object.fromEntries(versions)
}
