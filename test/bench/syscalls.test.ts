// The system calls of a connection and of a round trip: what a relay costs is the kernel's work. These are counts, not
// times, so they do not depend on the machine. One session at a time is the worst case: no two events share a wait.
// Raise a bound only with a reason; the table of docs/benchmarks.md has the counts.
import { expect } from 'chai'
import { runLoad } from '../../src/bench/relay/load.ts'
import { withRig } from '../../src/bench/relay/rig.ts'
import type { Subject, SubjectId } from '../../src/bench/relay/subject.ts'
import { allSubjects } from '../../src/bench/relay/subjects/index.ts'
import { Directory } from '../helpers/directory.ts'
import { requireFeature, requirePeer } from '../helpers/peers.ts'
import { Program } from '../helpers/programs.ts'
import { type Calls, SyscallTrace } from '../helpers/syscalls.ts'
import { TEST_MS, until } from '../helpers/wait.ts'

const { signal } = new AbortController()
const CONNECTIONS = 100
const ROUND_TRIPS = 400

/** Most calls, waits apart, of all threads but the main one, and of the main thread: in Node the one that runs JavaScript. */
interface Bounds {
  others: number
  main: number
}

/** How often a thread waits depends on who is faster, so only a generous ceiling holds for it. */
const WAITS = new Set(['epoll_wait', 'epoll_pwait', 'futex'])
const MOST_WAITS = 8
const sum = (calls: Calls, chosen: (name: string) => boolean): number =>
  [...calls].reduce((total, [name, count]) => total + (chosen(name) ? count : 0), 0)
const waits = (calls: Calls): number => sum(calls, name => WAITS.has(name))
const work = (calls: Calls): number => sum(calls, name => !WAITS.has(name))
const text = (calls: Calls): string => [...calls].map(([name, count]) => `${name} ${count}`).join(', ')

/** Traces a subject while the load generator does `count` units; `settled` says when the subject has done its part. */
async function trace(
  strace: string,
  subject: Subject,
  trial: string,
  args: { count: number; 'at-once'?: number; sessions?: number },
  settled: (others: Calls) => boolean,
): Promise<Record<keyof Bounds, Calls>> {
  await using directory = await Directory.make()
  return await withRig(subject, { backends: 1, threads: 1, loadThreads: 1 }, signal, async ({ load, pids }) => {
    // What is done once, at the first session, is not counted.
    await runLoad('connection', { target: load.target, count: 10, 'at-once': 1 }, signal)
    await using tracing = await SyscallTrace.attach(strace, pids[0] ?? 0, directory.file('trace'))
    const { faults } = await runLoad(trial, { target: load.target, ...args }, signal)
    expect(faults).to.include({ total: 0 })
    await until('the last session to be closed', () => settled(tracing.calls('others')))
    return { others: tracing.calls('others'), main: tracing.calls('main') }
  })
}

function expectAtMost(calls: Record<keyof Bounds, Calls>, units: number, bounds: Bounds): void {
  for (const who of ['others', 'main'] as const) {
    expect(work(calls[who]) / units, `${who}: ${text(calls[who])}`).to.be.at.most(bounds[who])
    expect(waits(calls[who]) / units, `${who}: ${text(calls[who])}`).to.be.at.most(MOST_WAITS)
  }
}

const CASES: readonly { id: SubjectId; connection: Bounds; roundTrip: Bounds }[] = [
  { id: 'floor', connection: { others: 16.1, main: 0.1 }, roundTrip: { others: 4.1, main: 0.1 } },
  { id: 'limpet-net', connection: { others: 14.3, main: 6.3 }, roundTrip: { others: 4.1, main: 0.1 } },
  { id: 'limpet-native', connection: { others: 15.3, main: 0.1 }, roundTrip: { others: 4.1, main: 0.1 } },
]

describe('bench: system calls', function () {
  this.timeout(TEST_MS)

  let strace: string
  before(async function () {
    strace = requirePeer(this, 'strace')
    // A container may forbid to trace, and so may kernel.yama.ptrace_scope.
    await using idle = new Program('sleep', ['600'])
    await using directory = await Directory.make()
    const attached = SyscallTrace.attach(strace, idle.child.pid ?? 0, directory.file('trace'))
    const trial = await attached.catch((error: Error) => error)
    if (trial instanceof Error) requireFeature(this, `strace cannot trace: ${trial.message}`)
    await trial[Symbol.asyncDispose]()
  })

  for (const { id, connection, roundTrip } of CASES) {
    describe(id, () => {
      let subject: Subject
      before(async function () {
        subject = allSubjects({}).find(known => known.id === id) as Subject
        await using directory = await Directory.make()
        const found = await subject.probe(directory.path)
        if (!('missing' in found)) return
        console.log(`      skipped: ${subject.name} ${found.missing}.`)
        this.skip()
      })

      it(`takes at most ${connection.others} + ${connection.main} for a connection`, async () => {
        const args = { count: CONNECTIONS, 'at-once': 1 }
        const closed = (others: Calls): boolean => (others.get('close') ?? 0) >= 2 * CONNECTIONS
        expectAtMost(await trace(strace, subject, 'connection', args, closed), CONNECTIONS, connection)
      })

      it(`takes at most ${roundTrip.others} for a round trip`, async () => {
        const args = { count: ROUND_TRIPS, sessions: 1 }
        const closed = (others: Calls): boolean => (others.get('close') ?? 0) >= 2
        expectAtMost(await trace(strace, subject, 'round-trip', args, closed), ROUND_TRIPS, roundTrip)
      })
    })
  }
})
