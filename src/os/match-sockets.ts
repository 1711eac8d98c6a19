import type { OpenSocket } from '../acceptor/open-socket.ts'
import type { OpenSockets } from '../balancer-types.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { LimpetError } from '../errors.ts'
import type { ManagedSocket } from './systemd.ts'

/** Name of the socket of the admin API, unless a listener has it. */
const ADMIN = 'admin'

/**
 * Which listener gets which of the service manager's sockets: the one of its name. A single socket of any name is that of a
 * single listener.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_PASSED_SOCKET`: a socket is nobody's, or there are two of one name
 */
export function matchSockets(sockets: readonly ManagedSocket[], config: ResolvedConfig): OpenSockets {
  const listeners = new Map<string, OpenSocket>()
  let admin: OpenSocket | undefined
  for (const { name, fd } of sockets) {
    const socket: OpenSocket = { fd, isShared: true }
    const listener = listenerOf(name, sockets.length, config)
    if (listener !== undefined && !listeners.has(listener)) listeners.set(listener, socket)
    else if (listener === undefined && isAdmin(name, config) && admin === undefined) admin = socket
    else throw refusal(name, listener !== undefined || isAdmin(name, config), config)
  }
  return { listeners, admin }
}

function listenerOf(name: string, count: number, { listeners }: ResolvedConfig): string | undefined {
  const [only] = listeners
  const named = listeners.find(listener => listener.name === name)
  if (named !== undefined) return named.name
  return count === 1 && listeners.length === 1 && name !== ADMIN ? only?.name : undefined
}

function isAdmin(name: string, { admin }: ResolvedConfig): boolean {
  return name === ADMIN && admin !== undefined
}

function refusal(name: string, isSecond: boolean, { listeners, admin }: ResolvedConfig): LimpetError {
  const known = [...listeners.map(listener => listener.name), ...(admin === undefined ? [] : [ADMIN])]
  const why = isSecond
    ? 'there is another one of this name'
    : `no listener is named so (there are: ${known.join(', ')})`
  const text = `the service manager passed a socket ${JSON.stringify(name)}, and ${why}: set FileDescriptorName= of its unit`
  return new LimpetError('LIMPET_ERR_PASSED_SOCKET', text)
}
