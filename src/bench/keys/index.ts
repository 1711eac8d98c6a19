import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { GeneratorWatch } from '../relay/generator.ts'
import { settingsOf } from '../relay/settings.ts'
import type { Subject } from '../relay/subject.ts'
import { limpet } from '../relay/subjects/limpet.ts'
import { connectionTrial, loadCell } from '../relay/trials.ts'
import type { BenchContext, Findings } from '../result.ts'
import { alternate, type Cell } from '../rounds.ts'
import { KEY_KINDS, type KeyKind } from './kinds.ts'
import { KEY_KIND_IDS, type KeysBenchOptions } from './options.ts'

const WAYS = { acceptor: 'native', relay: 'native' } as const

/** What a connection costs, by where its key is: each kind beside `source`, for which nothing is waited for. */
export async function benchKeys(context: BenchContext, options: KeysBenchOptions): Promise<Findings> {
  const { kinds: ids = KEY_KIND_IDS } = options
  const settings = settingsOf(options, context)
  const watch = new GeneratorWatch()
  const versions: Record<string, string> = {}
  const cells: Cell[] = []
  const directory = await mkdtemp(join(tmpdir(), 'limpet-bench-'))
  try {
    for (const kind of KEY_KINDS.filter(({ id }) => ids.includes(id))) {
      const subject = subjectOf(kind)
      const found = await subject.probe(directory)
      if ('missing' in found) {
        context.note(`${kind.id} did not take part: ${found.missing}`)
        continue
      }
      versions.Limpet = found.version
      const { threads, backends } = settings
      const skip = kind.isProxyHeader === true ? 0 : kind.head.length
      const size = { threads, backends, loadThreads: Math.min(threads, availableParallelism()), skip }
      const trial = connectionTrial(settings)
      const head = kind.head.length === 0 ? {} : { head: kind.head.toString('hex') }
      cells.push(loadCell({ ...trial, args: { ...trial.args, ...head } }, subject, settings, size, watch))
    }
    const series = await alternate(cells, context)
    for (const note of watch.notes(series)) context.note(note)
    const { threads, atOnce, backends, ms } = settings
    return { options: { threads, atOnce, backends, seconds: ms / 1000 }, programs: versions, series }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Whoever has no key would be a fault of the benchmark: it is refused, and the load generator counts it. */
function subjectOf({ id, key, isProxyHeader = false }: KeyKind): Subject {
  const affinity = key === 'source' ? {} : { key, fallback: 'refuse' as const }
  return limpet('limpet-native', id, { ...WAYS, affinity, isBehindProxies: isProxyHeader })
}
