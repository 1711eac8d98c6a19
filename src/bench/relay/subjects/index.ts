import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { LimpetError } from '../../../errors.ts'
import type { PeerPrograms, Subject, SubjectId } from '../subject.ts'
import { direct } from './direct.ts'
import { floor } from './floor.ts'
import { haproxy } from './haproxy.ts'
import { limpet } from './limpet.ts'
import { nginx } from './nginx.ts'
import { nodePipe } from './node-pipe.ts'

/** Where servers are installed; not in the PATH of everybody. */
const SERVER_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin']

/** Everybody who can be measured, in the order of {@link SUBJECT_IDS}. */
export function allSubjects({ haproxy: haproxyProgram, nginx: nginxProgram }: PeerPrograms): Subject[] {
  return [
    direct,
    floor,
    limpet('limpet-native', 'Limpet, native acceptor', { acceptor: 'native', relay: 'native' }),
    limpet('limpet-net', 'Limpet, net acceptor', { acceptor: 'net', relay: 'native' }),
    limpet('limpet-stream', 'Limpet, stream relay', { acceptor: 'net', relay: 'stream' }),
    haproxy(haproxyProgram ?? installed('haproxy')),
    nginx(nginxProgram ?? installed('nginx')),
    nodePipe,
  ]
}

/** The file of a program; its name, where it is not to be found. */
function installed(name: string): string {
  const directories = [...(process.env.PATH ?? '').split(delimiter), ...SERVER_DIRECTORIES]
  return directories.map(directory => join(directory, name)).find(existsSync) ?? name
}

/**
 * Of those asked for, the ones that can take part, with their versions. `note` is told why others cannot.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_BENCH_PROGRAM`: one of `programs` cannot
 */
export async function presentSubjects(
  ids: readonly SubjectId[],
  programs: PeerPrograms,
  directory: string,
  note: (text: string) => void,
): Promise<{ subjects: Subject[]; versions: Record<string, string> }> {
  const subjects: Subject[] = []
  const versions: Record<string, string> = {}
  for (const subject of allSubjects(programs)) {
    if (!ids.includes(subject.id)) continue
    const found = await subject.probe(directory)
    if ('missing' in found) {
      // Who names a program wants that one, and no report without it.
      if (isNamed(subject.id, programs)) {
        throw new LimpetError('LIMPET_ERR_BENCH_PROGRAM', `${subject.name} cannot be measured: ${found.missing}`)
      }
      note(`${subject.name} did not take part: ${found.missing}`)
      continue
    }
    subjects.push(subject)
    versions[subject.name] = found.version
  }
  return { subjects, versions }
}

function isNamed(id: SubjectId, programs: PeerPrograms): boolean {
  return (id === 'haproxy' || id === 'nginx') && programs[id] !== undefined
}
