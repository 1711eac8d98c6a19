import { readFileSync } from 'node:fs'
import { lookUpHost } from '../acceptor/binding.ts'
import { nativeOs, type OpenSocket } from '../acceptor/open-socket.ts'
import type { OpenSockets } from '../balancer-types.ts'
import type { ResolvedConfig, ResolvedListener } from '../config/resolved.ts'
import { systemError } from '../errors.ts'

/** Of a network namespace; the kernel's own default where it cannot be read. */
function firstFreePort(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
  } catch {
    return 1024
  }
}

/**
 * Opens the listen sockets of ports that only root may have, before the process stops to be root. Everything else, unix
 * sockets and other files included, is opened later, and belongs to the user whom it becomes.
 *
 * @throws system errors of `net` and `dns`, with the name of the `listener`
 */
export async function openPrivileged(config: ResolvedConfig, open: OpenSockets): Promise<OpenSockets> {
  const listeners = new Map(open.listeners)
  const first = firstFreePort()
  for (const listener of config.listeners) {
    const { bind, name } = listener
    if (listeners.has(name) || !('port' in bind) || bind.port === 0 || bind.port >= first) continue
    listeners.set(name, await openOne(listener))
  }
  return { ...open, listeners }
}

async function openOne(listener: ResolvedListener): Promise<OpenSocket> {
  const { bind, name, backlog } = listener
  const port = 'port' in bind ? bind.port : 0
  const hosts =
    bind.kind === 'any' ? ['::', '0.0.0.0'] : [(await lookUpHost(listener)) ?? ('host' in bind ? bind.host : '')]
  const isIpv6Only = bind.kind === 'ip' && bind.family === 6
  let failure: Error | undefined
  for (const host of hosts) {
    const fd = nativeOs()?.openTcp(host, port, isIpv6Only, backlog) ?? -1
    if (fd >= 0) return { fd, isShared: false }
    failure = systemError(fd, 'listen', { address: host, port })
  }
  throw Object.assign(failure ?? new Error('there is no address'), { listener: name })
}
