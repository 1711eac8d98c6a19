import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { GeneratorWatch } from '../relay/generator.ts'
import { descriptorLimit } from '../relay/proc.ts'
import { type LoadSettings, settingsOf } from '../relay/settings.ts'
import type { Subject, SubjectId } from '../relay/subject.ts'
import { presentSubjects } from '../relay/subjects/index.ts'
import { connectionTrial, type LoadTrial, loadCell, roundTripTrial } from '../relay/trials.ts'
import type { BenchContext, Findings, Place } from '../result.ts'
import { alternate, type Cell } from '../rounds.ts'
import { SCALE_AXES, type ScaleAxis, type ScaleBenchOptions } from './options.ts'

const SUBJECTS: readonly SubjectId[] = ['floor', 'limpet-native', 'limpet-net']
/** Round trips that are under way at any time, however many sessions there are: more of them would be cheaper each. */
const IN_FLIGHT = 32
/** Of a process with sessions, besides two for each. */
const OTHER_DESCRIPTORS = 600

/** What a connection and a round trip cost while something grows. */
export async function benchScale(context: BenchContext, options: ScaleBenchOptions): Promise<Findings> {
  const settings = settingsOf(options, context)
  const counts = countsOf(options, context)
  const directory = await mkdtemp(join(tmpdir(), 'limpet-bench-'))
  try {
    const ids = options.subjects ?? SUBJECTS
    const { subjects, versions } = await presentSubjects(ids, options, directory, context.note)
    const watch = new GeneratorWatch()
    const places = (options.axes ?? SCALE_AXES).flatMap(axis => counts[axis].map(value => ({ name: axis, value })))
    const cells = places.flatMap(place => cellsAt(place, subjects, settings, watch))
    const series = await alternate(cells, context)
    for (const note of watch.notes(series)) context.note(note)
    const { threads, ms, atOnce, backends } = settings
    return {
      options: { threads, atOnce, backends, inFlight: IN_FLIGHT, seconds: ms / 1000 },
      programs: versions,
      series,
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function countsOf(options: ScaleBenchOptions, { quick, note }: BenchContext): Record<ScaleAxis, readonly number[]> {
  const cores = availableParallelism()
  const doubling = Array.from({ length: Math.ceil(Math.log2(cores)) }, (_, i) => 2 ** i)
  const {
    sessionCounts = quick ? [10, 100] : [10, 100, 1000, 9000],
    backendCounts = quick ? [2, 100] : [2, 10, 100, 1000],
    threadCounts = [...doubling, cores],
  } = options
  const most = (descriptorLimit() - OTHER_DESCRIPTORS) / 2
  for (const count of sessionCounts.filter(count => count > most)) {
    note(`${count} sessions were left out: the limit of open files is ${descriptorLimit()}, and a session takes two`)
  }
  return { sessions: sessionCounts.filter(count => count <= most), backends: backendCounts, threads: threadCounts }
}

/**
 * Live sessions of a connection rest beside it; of round trips all take turns, and once more only a few while the others
 * rest: the difference is what memory costs that is no longer in the processor's cache, the kernel's first of all.
 */
function cellsAt(
  at: Place & { name: ScaleAxis },
  subjects: readonly Subject[],
  settings: LoadSettings,
  watch: GeneratorWatch,
): Cell[] {
  const value = (axis: ScaleAxis, otherwise: number): number => (at.name === axis ? at.value : otherwise)
  const threads = value('threads', settings.threads)
  const size = {
    threads,
    backends: value('backends', settings.backends),
    loadThreads: Math.min(threads, availableParallelism()),
  }
  const trials: LoadTrial[] = [
    connectionTrial(settings, value('sessions', 0)),
    roundTripTrial(value('sessions', IN_FLIGHT), IN_FLIGHT),
  ]
  if (at.name === 'sessions') {
    const busy = Math.min(at.value, IN_FLIGHT)
    trials.push({
      ...roundTripTrial(busy, IN_FLIGHT, at.value - busy),
      name: 'round trip among idle sessions',
    })
  }
  return trials.flatMap(trial => subjects.map(subject => loadCell(trial, subject, settings, size, watch, at)))
}
