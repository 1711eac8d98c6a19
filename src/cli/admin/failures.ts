import type { ConfigProblem } from '../../index.ts'
import { visible } from '../../visible.ts'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import type { AdminTarget } from './target.ts'

/** What the body of a refusal holds. */
export interface AdminFailure {
  code: string
  message: string
  problems?: readonly ConfigProblem[]
}

/** The running process has refused; the message is all that the user needs. */
export class RefusedError extends CliError {
  override readonly name = 'RefusedError'
  /** `LIMPET_ERR_…`; empty: the answer had none. */
  readonly code: string
  readonly problems: readonly ConfigProblem[]

  constructor(message: string, exitCode: number, { code = '', problems = [] }: Partial<AdminFailure>) {
    super(message, exitCode)
    this.code = code
    this.problems = problems
  }
}

/** Why nobody could be asked, and what to do. */
export function connectFailure({ text, from }: AdminTarget, error: NodeJS.ErrnoException): CliError {
  const { code = '' } = error
  const place = `${text} (${from})`
  const failure = (message: string, exitCode: number): CliError => new CliError(message, exitCode, { cause: error })
  switch (code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return failure(
        `nobody listens at ${place}: is limpet running, and has its configuration admin? Where it is: --admin, or -c limpet.yaml`,
        EXIT.unavailable,
      )
    case 'EACCES':
    case 'EPERM':
      return failure(
        `permission denied at ${place}: run this as the user that limpet runs as, who owns the socket, or as root (sudo)`,
        EXIT.noPermission,
      )
    case 'ETIMEDOUT':
      return failure(`${place} does not answer: it is busy, stopped, or not limpet`, EXIT.unavailable)
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return failure(
        `the host of ${place} is not known; give an IP address: --admin http://127.0.0.1:PORT`,
        EXIT.unavailable,
      )
    case 'ECONNRESET':
    case 'EPIPE':
      return failure(
        `${place} has closed the connection: limpet was stopped, or something else listens there`,
        EXIT.unavailable,
      )
    default:
      return failure(
        `${place} cannot be asked: ${visible(error.message)}`,
        code.startsWith('HPE_') ? EXIT.failed : EXIT.unavailable,
      )
  }
}

/** Why the running process has refused, and what to do. */
export function refusal(target: AdminTarget, status: number, failure: AdminFailure | undefined): RefusedError {
  const place = `${target.text} (${target.from})`
  const { code, message: told } = failure ?? {}
  const message = typeof told === 'string' ? visible(told) : ''
  if (status === 401) return new RefusedError(tokenText(target, place), EXIT.noPermission, failure ?? {})
  if (status === 429)
    return new RefusedError(`${place} refuses: ${message || 'too many wrong tokens'}`, EXIT.noPermission, failure ?? {})
  if (status === 403)
    return new RefusedError(`${place} refuses: ${message || 'forbidden'}`, EXIT.noPermission, failure ?? {})
  // Of a name that is not there it says which kind: any other is a path.
  if (status === 404 && code?.startsWith('LIMPET_ERR_UNKNOWN_') !== true) {
    return new RefusedError(
      `${place} does not know what is asked: another version of limpet, or another program`,
      EXIT.failed,
      {},
    )
  }
  if (status === 503) {
    return new RefusedError(message || `${place} cannot serve now`, EXIT.unavailable, failure ?? {})
  }
  return new RefusedError(message || `${place} answers with status ${status}`, EXIT.failed, failure ?? {})
}

function tokenText({ token }: AdminTarget, place: string): string {
  if (token.value !== undefined)
    return `${place} does not accept the token of ${token.from}: it must be that of admin.token`
  return `${place} wants a token, and ${token.from} is not set: set LIMPET_ADMIN_TOKEN to that of admin.token, or give -c limpet.yaml`
}
