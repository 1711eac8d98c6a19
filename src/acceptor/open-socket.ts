import type { ResolvedKeepalive, ResolvedListener } from '../config/resolved.ts'
import { LimpetError } from '../errors.ts'
import { type NativeOs, native } from '../native.ts'

/** A listen socket that was open before the listener that uses it. */
export interface OpenSocket {
  /** Its descriptor, which belongs to the listener from now on. */
  readonly fd: number
  /**
   * Whether somebody else has it as well, like the service manager that opened it: closing then leaves the clients in its
   * queue, and the file of a unix socket, to them.
   */
  readonly isShared: boolean
  /**
   * Whether it is still in the hands of the process that opened it: as if it was shared, until `leaveSockets()` of the
   * balancer tells otherwise.
   */
  readonly isBorrowed?: boolean | undefined
}

/** What of a listener is needed to judge a socket. */
export interface SocketUser {
  /** Absent: it is no listener, but a server of this program, whose unix socket got its place after it was bound. */
  readonly name?: string | undefined
  readonly bind: ResolvedListener['bind']
}

/**
 * Makes an open socket fit for a listener.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_PASSED_SOCKET`: it does not listen, or is of another kind;
 *   `LIMPET_ERR_UNSUPPORTED`
 */
export function adoptSocket(user: SocketUser, { fd }: OpenSocket, backlog: number): void {
  const os = nativeOs()
  if (os === undefined) {
    throw new LimpetError('LIMPET_ERR_UNSUPPORTED', `listen sockets cannot be passed on ${process.platform}`)
  }
  const path = os.unixPath(fd).toString()
  const wanted = user.bind.kind === 'unix' ? user.bind.path : ''
  const isOther = user.name === undefined ? (path === '') !== (wanted === '') : path !== wanted
  if (isOther) throw unfit(user, `descriptor ${fd} is ${described(path)}, not ${described(wanted)}`)
  const status = os.adopt(fd, backlog)
  if (status !== 0) throw unfit(user, `descriptor ${fd} is no stream socket that listens`)
}

/** What of the system Node does not give; undefined: not on this platform. */
export function nativeOs(): NativeOs | undefined {
  return native().os
}

/**
 * Sets what sockets inherit that are accepted from a listen socket: TCP_NODELAY and keepalive; and what the listener says
 * of it itself. False: it has no such options, or this platform has not.
 */
export function setListenOptions(
  fd: number,
  { bind, deferAccept, fastOpen }: ResolvedListener,
  { idle, interval, count, userTimeout }: ResolvedKeepalive,
): boolean {
  if (fd < 0 || bind.kind === 'unix') return false
  const options = [idle / 1000, interval / 1000, count, userTimeout, deferAccept / 1000, fastOpen] as const
  return native().setListenOptions?.(fd, ...options) === 0
}

function unfit({ name }: SocketUser, why: string): LimpetError {
  const who = name === undefined ? 'the admin API' : `the listener ${name}`
  return new LimpetError('LIMPET_ERR_PASSED_SOCKET', `the socket that was passed for ${who} cannot be used: ${why}`, {
    listener: name,
  })
}

function described(path: string): string {
  return path === '' ? 'a TCP socket' : `the unix socket ${path}`
}
