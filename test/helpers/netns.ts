import { execFileSync, spawnSync } from 'node:child_process'
import type { Context } from 'mocha'
import { findPeer, requireFeature } from './peers.ts'
import type { Prefix } from './processes.ts'

/** Skips (or fails) a test that needs the privileges of root over the network. */
export function requireNetAdmin(context: Context): void {
  if (process.getuid?.() !== 0)
    requireFeature(context, 'this test needs root, for socket options and network namespaces')
}

/** Skips (or fails) a test that needs a network namespace of its own. */
export function requireNetns(context: Context): void {
  requireNetAdmin(context)
  const missing = ['unshare', 'nsenter'].find(program => spawnSync(program, ['--version']).status !== 0)
  if (missing !== undefined) requireFeature(context, `${missing} is not installed (Debian: apt-get install util-linux)`)
  if (findPeer('ip') === undefined) requireFeature(context, 'ip is not installed (Debian: apt-get install iproute2)')
  const { status, stderr } = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' })
  if (status !== 0) requireFeature(context, `network namespaces cannot be made here: ${stderr.trim()}`)
}

/** What runs a program in a new network namespace with these settings of the kernel, like `ipv4/ip_local_port_range`. */
export function inNewNetns(settings: Readonly<Record<string, string>>): Prefix {
  const writes = Object.entries(settings).map(([name, value]) => `echo '${value}' > /proc/sys/net/${name}`)
  const script = ['ip link set lo up', ...writes, 'exec "$@"'].join(' && ')
  return ['unshare', '--net', 'sh', '-c', script, 'sh']
}

/** What runs a program in the network namespace of a process. */
export function inNetnsOf(pid: number): Prefix {
  return ['nsenter', `--net=/proc/${pid}/ns/net`]
}

/** Runs a program in the network namespace of a process. */
export function runInNetnsOf(pid: number, command: readonly string[], input = ''): string {
  const [program = '', ...args] = [...inNetnsOf(pid), ...command]
  return execFileSync(program, args, { encoding: 'utf8', input })
}
