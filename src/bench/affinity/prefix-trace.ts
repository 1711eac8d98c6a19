/** Who a session of the trace is of, and from where it comes. */
export interface TraceSession {
  group: TraceGroup
  /** The same for the same subscriber, whatever its address is. */
  client: number
  /** Its first 48 bits, the next 16, and the rest. */
  address: { site: number; subnet: number; host: number }
  begin: number
  end: number
}

/**
 * `stable`: hosts in a /64 of their own that keep their address. `privacy`: the last 64 bits are other ones each time. `rotating`:
 * a subscriber with a /56 that takes its /64s one after the other. `neighbours`: many subscribers of one /56, each with a /64 of it.
 * `crowd`: thousands behind one /64, each with an address.
 */
export const TRACE_GROUPS = ['stable', 'privacy', 'rotating', 'neighbours', 'crowd'] as const
export type TraceGroup = (typeof TRACE_GROUPS)[number]

/** Each client has so many sessions, at random times of a day; those of a client do not overlap much. */
const SESSIONS = 20
const DAY_S = 86_400
const LENGTH_S = 600
const CLIENTS: Readonly<Record<TraceGroup, number>> = {
  stable: 1000,
  privacy: 500,
  rotating: 500,
  neighbours: 1000,
  crowd: 2000,
}
/** Of the neighbours, in one /56. */
const NEIGHBOURS = 200
/** A rotating subscriber takes the next /64 after so many sessions. */
const PER_SUBNET = 2

/** The sessions of a day by their begin; other ones in every round, the same in every run. */
export function prefixTrace(round: number): TraceSession[] {
  const random = randomOf(round + 1)
  const sessions: TraceSession[] = []
  for (const [at, group] of TRACE_GROUPS.entries()) {
    for (let client = 0; client < CLIENTS[group]; client++) {
      for (let nth = 0; nth < SESSIONS; nth++) {
        const begin = ((nth + random()) * DAY_S) / SESSIONS
        const end = begin + random() * 2 * LENGTH_S
        sessions.push({ group, client: at * 1e6 + client, address: addressOf(group, client, nth), begin, end })
      }
    }
  }
  return sessions.sort((left, right) => left.begin - right.begin)
}

function addressOf(group: TraceGroup, client: number, nth: number): TraceSession['address'] {
  const site = TRACE_GROUPS.indexOf(group) * 1e6
  switch (group) {
    case 'stable':
      return { site: site + client, subnet: 0, host: 1 }
    case 'privacy':
      return { site: site + client, subnet: 0, host: nth }
    case 'rotating':
      return { site: site + client, subnet: Math.floor(nth / PER_SUBNET), host: 1 }
    case 'neighbours':
      return { site: site + Math.floor(client / NEIGHBOURS), subnet: client % NEIGHBOURS, host: 1 }
    case 'crowd':
      return { site, subnet: 0, host: client }
  }
}

/** Numbers from 0 to 1 of a linear congruential generator (Numerical Recipes), the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed * 2_654_435_761
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
