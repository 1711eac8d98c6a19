import { type ConfigProblem, type ErrorCode, LimpetError } from '../errors.ts'

/** The body of every answer of status 400 and more. */
export interface ErrorBody {
  error: { code: ErrorCode; message: string; problems?: readonly ConfigProblem[] }
}

/** A request that the admin API refuses by itself. */
export class AdminError extends LimpetError {
  readonly status: number
  /** Headers of the answer. */
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: ErrorCode, message: string, headers: Record<string, string> = {}) {
    super(code, message)
    this.status = status
    this.headers = headers
  }
}

/** Statuses of what the balancer and its pools refuse. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  LIMPET_ERR_CONFIG: 400,
  LIMPET_ERR_BAD_ADDRESS: 400,
  LIMPET_ERR_BAD_SECRET: 400,
  LIMPET_ERR_SELF_BACKEND: 400,
  LIMPET_ERR_TABLE_IMPORT: 400,
  LIMPET_ERR_UNKNOWN_POOL: 404,
  LIMPET_ERR_UNKNOWN_BACKEND: 404,
  LIMPET_ERR_UNKNOWN_LISTENER: 404,
  LIMPET_ERR_UNKNOWN_CLOSING: 404,
  LIMPET_ERR_UNKNOWN_SESSION: 404,
  LIMPET_ERR_BACKEND_EXISTS: 409,
  LIMPET_ERR_CONFIG_READ: 409,
  LIMPET_ERR_CLUSTER_AWAY: 503,
  LIMPET_ERR_DISCOVERED: 409,
  LIMPET_ERR_DISCOVERY: 409,
  LIMPET_ERR_HANDED_OVER: 409,
  LIMPET_ERR_INVALID_STATE: 409,
  LIMPET_ERR_NEEDS_RESTART: 409,
  LIMPET_ERR_NO_MEMORY: 409,
  LIMPET_ERR_NO_TABLE: 409,
  LIMPET_ERR_ROSTER_REFUSED: 409,
  LIMPET_ERR_ROSTER_VERSION: 412,
  LIMPET_ERR_TABLE_FILE: 409,
  LIMPET_ERR_TABLE_FILE_IN_USE: 409,
  LIMPET_ERR_TOO_MANY_BACKENDS: 409,
  LIMPET_ERR_UNSUPPORTED: 501,
}

/** How an error is answered. */
export interface ErrorAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  body: ErrorBody
}

/**
 * The answer for an error; undefined: it is a fault of this program, whose text is not for clients. Errors are told apart
 * by their codes: the hook that reloads belongs to the program, which may have loaded another copy of Limpet.
 */
export function answerOf(error: unknown): ErrorAnswer | undefined {
  if (!(error instanceof Error)) return undefined
  if (error instanceof AdminError) return answer(error.status, error.code, error.message, error.headers)
  const { code, syscall, listener, message, problems } = error as KnownError
  // A host name of a configuration that was not found.
  if (syscall === 'getaddrinfo') return answer(400, 'LIMPET_ERR_BAD_ADDRESS', message)
  // What a reload was to listen on cannot be had: the port is taken, this host has no such address, …
  if (listener !== undefined && syscall !== undefined)
    return answer(409, 'LIMPET_ERR_BAD_ADDRESS', `the listener ${listener} cannot be opened: ${message}`)
  const status = code === undefined ? undefined : STATUSES[code]
  if (code === undefined || status === undefined) return undefined
  const told = answer(status, code, message)
  if (problems !== undefined) told.body.error.problems = problems
  return told
}

/** What of an error may be there. */
interface KnownError extends Error {
  code?: ErrorCode
  syscall?: string
  /** Name of the listener that it is about. */
  listener?: string
  problems?: readonly ConfigProblem[]
}

/** For what {@link answerOf} has no answer. */
export const FAULT: ErrorAnswer = answer(500, 'LIMPET_ERR_ADMIN_FAULT', 'the request failed; the log says why')

function answer(
  status: number,
  code: ErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): ErrorAnswer {
  return { status, headers, body: { error: { code, message } } }
}
