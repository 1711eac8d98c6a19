import type { Cell } from '../rounds.ts'
import { clients, equal } from './balance.ts'
import type { AffinitySubject, Member } from './subjects.ts'
import { IDEAL } from './theory.ts'

type Change = keyof typeof IDEAL

const BACKENDS = 100
const TRIALS: Readonly<Record<Change, string>> = {
  add: 'a backend is added',
  remove: 'a backend is removed',
  weight: 'a backend gets twice the weight',
}

/** The membership after a change, and the one backend that it is about. */
const CHANGED: Readonly<Record<Change, (members: readonly Member[]) => { after: Member[]; about: string }>> = {
  add: members => {
    const newcomer = { name: '10.2.0.1:7000', weight: 1 }
    return { after: [...members, newcomer], about: newcomer.name }
  },
  // Not the last one, which would spare those who number their backends.
  remove: members => {
    const about = members[members.length >> 1]?.name ?? ''
    return { after: members.filter(({ name }) => name !== about), about }
  },
  weight: members => {
    const about = members[members.length >> 1]?.name ?? ''
    return { after: members.map(member => (member.name === about ? { ...member, weight: 2 } : member)), about }
  },
}

export const CHANGES = Object.keys(TRIALS) as Change[]

/** Which clients a change of the membership moves. Those who neither leave nor join the backend in question, in vain. */
export function movementCell(subject: AffinitySubject, change: Change, keys: number): Cell {
  return {
    trial: `${TRIALS[change]}, ${BACKENDS} before`,
    subject: subject.name,
    measures: [
      { metric: 'clients moved', unit: '%', better: 'lower', expected: IDEAL[change](BACKENDS) },
      { metric: 'moved in vain', unit: '%', better: 'lower', expected: 0 },
    ],
    run: async round => {
      const before = equal(BACKENDS)
      const { after, about } = CHANGED[change](before)
      const addresses = clients(round, keys)
      const [from, to] = [before, after].map(members => subject.homes(members, round)(addresses))
      let moved = 0
      let inVain = 0
      for (let client = 0; client < keys; client++) {
        const [left, joined] = [before[from?.[client] ?? 0]?.name, after[to?.[client] ?? 0]?.name]
        if (left === joined) continue
        moved++
        if (left !== about && joined !== about) inVain++
      }
      return [(100 * moved) / keys, (100 * inVain) / keys]
    },
  }
}
