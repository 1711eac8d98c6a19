import { lstatSync } from 'node:fs'
import { dirname } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import { formatAddress } from '../config/address.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { LimpetError } from '../errors.ts'
import { CliError } from './cli-error.ts'

/** An error of `net` or `dns`, as `listen()` gives it. */
interface ListenError extends NodeJS.ErrnoException {
  /** Name of the listener that it is about. */
  listener?: string
  /** Whether it is about the admin API. */
  isAdmin?: boolean
  /** The name that was looked up. */
  hostname?: string
}

/** What a user can do about it. */
const ADVICE: Record<string, string> = {
  EADDRINUSE: 'stop the program that has it, or give the listener another address',
  EADDRNOTAVAIL: 'this host has no such address; give the listener one that it has',
  EACCES: 'ports below 1024 need a privilege (CAP_NET_BIND_SERVICE)',
  ENOTFOUND: 'no such host: give an IP address, or a name that the resolver of this host knows',
  EAI_AGAIN: 'the name server does not answer: give an IP address, or try again',
  EMFILE: 'raise the limit of open files (ulimit -n)',
}

/** What went wrong when everything was opened, in one sentence; the error itself if it is no user's fault. */
export function startFailure(error: unknown, { listeners, admin }: ResolvedConfig): unknown {
  if (!(error instanceof Error) || error instanceof LimpetError) return error
  const { code, syscall, hostname, listener: name, isAdmin } = error as ListenError
  if (code === undefined || syscall === undefined) return error
  const listener = listeners.find(known => known.name === name)
  const bind = isAdmin === true ? admin?.listen : listener?.bind
  const what =
    bind === undefined
      ? `cannot look up the backend host ${hostname ?? ''}`
      : `cannot listen on ${formatAddress(bind)} (${isAdmin === true ? 'the admin API' : `listener ${listener?.name}`})`
  const unix = bind?.kind === 'unix' ? unixFailure(bind.path, code) : undefined
  const { because = reason(error, code), advice = ADVICE[code] } = unix ?? {}
  const text = [`${what}: ${because}`, ...(advice === undefined ? [] : [advice])].join('; ')
  return new CliError(text, undefined, { cause: error })
}

/**
 * What is wrong with the path of a unix socket, as far as the code does not say it: for a directory that is missing Node
 * gives EACCES, as on Windows, and for a file of any kind EADDRINUSE.
 */
function unixFailure(path: string, code: string): { because?: string; advice?: string } | undefined {
  const directory = dirname(path)
  if (kindOf(directory) === 'nothing')
    return { because: `there is no directory ${directory}`, advice: 'make it, or give the listener another path' }
  if (code === 'EACCES') return { advice: `this user must be able to make a file in ${directory}` }
  const kind = kindOf(path)
  if (code === 'EADDRINUSE' && (kind === 'file' || kind === 'directory'))
    return { because: `there is a ${kind} of this name, and no socket`, advice: 'give the listener another path' }
  return undefined
}

function kindOf(path: string): 'nothing' | 'socket' | 'directory' | 'file' | 'unknown' {
  try {
    const stats = lstatSync(path)
    return stats.isSocket() ? 'socket' : stats.isDirectory() ? 'directory' : 'file'
  } catch (error) {
    // Whoever may not look can still be told what the code says.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'nothing' : 'unknown'
  }
}

/** `address already in use (EADDRINUSE)` */
function reason({ errno }: NodeJS.ErrnoException, code: string): string {
  const [, text] = (errno === undefined ? undefined : getSystemErrorMap().get(errno)) ?? []
  return text === undefined ? code : `${text} (${code})`
}
