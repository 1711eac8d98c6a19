import { readdirSync, readFileSync } from 'node:fs'

/** Who a thread is, and what it may do. */
export interface ThreadPrivileges {
  /** Its number in the system. */
  id: number
  /** What it is called in the system. */
  name: string
  /** Effective user. */
  uid: number
  /** Effective group. */
  gid: number
  /** Effective capabilities: 16 hex digits, a bit each (capabilities(7)). */
  capabilities: string
  /** Whether no program that it starts can have more privileges than it has. */
  noNewPrivileges: boolean
}

/** Of every thread of this process: the kernel keeps privileges by thread. Empty where /proc does not tell. Linux. */
export function threadPrivileges(): ThreadPrivileges[] {
  return threadStatus(['Name', 'Pid', 'Uid', 'Gid', 'CapEff', 'NoNewPrivs']).map(status => ({
    id: Number(status.get('Pid')),
    name: status.get('Name') ?? '',
    uid: effective(status.get('Uid')),
    gid: effective(status.get('Gid')),
    capabilities: status.get('CapEff') ?? '',
    noNewPrivileges: status.get('NoNewPrivs') === '1',
  }))
}

/** What threads are, by the lines of their status that are asked for (proc_pid_status(5)). */
export function threadStatus(names: readonly string[]): Map<string, string>[] {
  return threads().flatMap(thread => {
    try {
      const lines = readFileSync(`/proc/self/task/${thread}/status`, 'utf8').split('\n')
      const pairs = lines.map((line): [string, string] => {
        const at = line.indexOf(':\t')
        return [line.slice(0, at), line.slice(at + 2)]
      })
      return [new Map(pairs.filter(([name]) => names.includes(name)))]
    } catch {
      // It has ended meanwhile.
      return []
    }
  })
}

function threads(): string[] {
  try {
    return readdirSync('/proc/self/task')
  } catch {
    // Another system, or a container without /proc.
    return []
  }
}

/** Real, effective, saved and file system id. */
function effective(ids: string | undefined): number {
  return Number(ids?.split('\t')[1])
}
