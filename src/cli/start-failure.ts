import { getSystemErrorMap } from 'node:util'
import { formatAddress, type ResolvedConfig } from '../config/index.ts'
import { LimpetError } from '../errors.ts'
import { CliError } from './cli-error.ts'

/** An error of `net` or `dns`, as `listen()` gives it. */
interface ListenError extends NodeJS.ErrnoException {
  /** Name of the listener that it is about. */
  listener?: string
  /** The name that was looked up. */
  hostname?: string
}

/** What a user can do about it. */
const ADVICE: Record<string, string> = {
  EADDRINUSE: 'stop the program that has it, or give the listener another address',
  EADDRNOTAVAIL: 'this host has no such address; give the listener one that it has',
  EACCES: 'ports below 1024 need a privilege (CAP_NET_BIND_SERVICE), and unix sockets a directory that may be written',
  ENOENT: 'the directory of a unix socket must exist',
  ENOTFOUND: 'no such host: give an IP address, or a name that the resolver of this host knows',
  EAI_AGAIN: 'the name server does not answer: give an IP address, or try again',
  EMFILE: 'raise the limit of open files (ulimit -n)',
}

/** What went wrong when everything was opened, in one sentence; the error itself if it is no user's fault. */
export function startFailure(error: unknown, { listeners }: ResolvedConfig): unknown {
  if (!(error instanceof Error) || error instanceof LimpetError) return error
  const { code, syscall, hostname, listener: name } = error as ListenError
  if (code === undefined || syscall === undefined) return error
  const listener = listeners.find(known => known.name === name)
  const what =
    listener === undefined
      ? `cannot look up the backend host ${hostname ?? ''}`
      : `cannot listen on ${formatAddress(listener.bind)} (listener ${listener.name})`
  const advice = ADVICE[code]
  return new CliError(
    [`${what}: ${reason(error, code)}`, ...(advice === undefined ? [] : [advice])].join('; '),
    undefined,
    { cause: error },
  )
}

/** `address already in use (EADDRINUSE)` */
function reason({ errno }: NodeJS.ErrnoException, code: string): string {
  const [, text] = (errno === undefined ? undefined : getSystemErrorMap().get(errno)) ?? []
  return text === undefined ? code : `${text} (${code})`
}
