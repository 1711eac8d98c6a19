import { connect, type Socket } from 'node:net'
import type { SessionCounter } from '../native.ts'
import type { Endpoint } from '../pool/records.ts'
import { reset } from './direction.ts'

/** Why a backend could not be reached. */
export interface ConnectFailure {
  counter: Extract<SessionCounter, `connect${string}`>
  /** The backend is not to blame, and keeps its client for later: the cause was this host, or what the client asked for. */
  keepsPin: boolean
  /** The queue of a unix socket is full; nothing tells when it has room. */
  isCrowded?: boolean
}

const FAILURES: Readonly<Record<string, ConnectFailure['counter']>> = {
  ECONNREFUSED: 'connectRefused',
  ENOENT: 'connectRefused',
  EHOSTUNREACH: 'connectUnreachable',
  ENETUNREACH: 'connectUnreachable',
  EHOSTDOWN: 'connectUnreachable',
  ENETDOWN: 'connectUnreachable',
  ETIMEDOUT: 'connectTimeout',
  EADDRNOTAVAIL: 'connectNoLocalPort',
  EADDRINUSE: 'connectNoLocalPort',
}

/** As is_local_failure() of native/relay/connector.cc. */
const LOCAL = new Set(['EADDRNOTAVAIL', 'EADDRINUSE', 'EINVAL', 'EPERM', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])

/** What a connect may cost, and how its socket is kept alive. Milliseconds. */
export interface ConnectSettings {
  connectMs: number
  /** 0: no keepalive. */
  keepaliveMs: number
  /** The address of this host that it comes from; undefined: the system chooses. */
  localAddress: string | undefined
}

/**
 * Connects to a backend, once. `done` is called once, unless the socket is destroyed before: with nothing when it is
 * connected, with the failure when not (the socket is destroyed then).
 */
export function connectBackend(
  address: Endpoint,
  settings: ConnectSettings,
  done: (failure: ConnectFailure | undefined) => void,
): Socket {
  const socket = connect({
    ...(address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }),
    ...(settings.localAddress === undefined ? {} : { localAddress: settings.localAddress }),
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: settings.keepaliveMs > 0,
    keepAliveInitialDelay: settings.keepaliveMs,
  })
  const finish = (failure: ConnectFailure | undefined): void => {
    clearTimeout(timer)
    socket.off('connect', onConnect).off('error', onError).off('close', onClose)
    // A socket that met itself would, closed in the usual way, keep its port for a minute.
    if (failure?.counter === 'connectSelf') reset(socket)
    else if (failure !== undefined) socket.destroy()
    done(failure)
  }
  const onConnect = (): void =>
    finish(isConnectedToItself(socket) ? { counter: 'connectSelf', keepsPin: false } : undefined)
  const onError = (error: NodeJS.ErrnoException): void => finish(failureOf(error))
  const onClose = (): void => clearTimeout(timer)
  const timer = setTimeout(() => finish({ counter: 'connectTimeout', keepsPin: false }), settings.connectMs).unref()
  return socket.unref().once('connect', onConnect).once('error', onError).once('close', onClose)
}

function failureOf({ code = '' }: NodeJS.ErrnoException): ConnectFailure {
  return { counter: FAILURES[code] ?? 'connectOther', keepsPin: LOCAL.has(code), isCrowded: code === 'EAGAIN' }
}

/** TCP's simultaneous open lets a socket reach itself when the backend's port is in the range of local ports and is free. */
export function isConnectedToItself(socket: Socket): boolean {
  if (socket.remotePort === undefined) return false
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress
}
