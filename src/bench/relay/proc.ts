import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** A process and all that it has started. */
export function withDescendants(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return [pid, ...children.flatMap(withDescendants)]
}

/**
 * User memory of processes, in bytes: what they allocated themselves. What is mapped from files does not count, since a
 * process's part of that (Pss) changes when others begin or end to map them; what forked processes share counts once.
 */
export function userMemory(pids: readonly number[]): number {
  const kib = pids.flatMap(pid => {
    const rollup = read(`/proc/${pid}/smaps_rollup`)
    return [...rollup.matchAll(/^Pss_(?:Anon|Shmem):\s+(\d+) kB$/gm)].map(([, count]) => Number(count))
  })
  return kib.reduce((sum, one) => sum + one, 0) * 1024
}

/** CPU time of the threads that processes have now, in ns. Differences are wrong for threads that end in between. */
export function threadsCpuNs(pids: readonly number[]): number {
  const threads = pids.flatMap(pid => list(`/proc/${pid}/task`).map(thread => `/proc/${pid}/task/${thread}/schedstat`))
  return threads.reduce((sum, file) => sum + Number(read(file).split(' ')[0] || 0), 0)
}

/** How many sockets of the machine rest in TIME_WAIT, and how many may before the kernel drops them early. */
export function timeWait(): { now: number; most: number } {
  const now = Number(/^TCP:.* tw (\d+)/m.exec(read('/proc/net/sockstat'))?.[1] ?? 0)
  return { now, most: Number(read('/proc/sys/net/ipv4/tcp_max_tw_buckets')) || Number.POSITIVE_INFINITY }
}

/** Most descriptors that a program may open here. */
export function descriptorLimit(): number {
  const [, limit = ''] = /^Max open files +\S+ +(\S+)/m.exec(read('/proc/self/limits')) ?? []
  return limit === 'unlimited' ? 1_048_576 : Number(limit)
}

/** Empty: it is not there, or no longer. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // The process has ended, or the kernel does not have it: counted as nothing.
    return ''
  }
}

function list(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}
