import { getSystemErrorName } from 'node:util'
import { visible } from './visible.ts'

/**
 * Every code of an error made by Limpet, with its meaning. The code is the identifier and changes only with a major
 * version; messages may change at any time. `docs/errors.md` says for each what to do about it.
 */
export const ERROR_CODES = {
  LIMPET_ERR_ADDON_LOAD: 'The native addon could not be loaded',
  LIMPET_ERR_ADMIN_BUSY: 'The admin API serves as many of these as it takes',
  LIMPET_ERR_ADMIN_FAULT: 'The admin API failed at a request, by a fault of this program',
  LIMPET_ERR_ADMIN_FORBIDDEN: 'The admin API does not take requests from there',
  LIMPET_ERR_ADMIN_REQUEST: 'The admin API cannot take a request of this form',
  LIMPET_ERR_ADMIN_THROTTLED: 'The admin API got too many wrong tokens from this address',
  LIMPET_ERR_ADMIN_TOKEN: 'The admin API needs a token, and there was none or a wrong one',
  LIMPET_ERR_BACKEND_EXISTS: 'The pool already has a backend of this name',
  LIMPET_ERR_BAD_ADDRESS: 'The text is not an address that can be used here',
  LIMPET_ERR_BAD_SECRET: 'A secret is missing, cannot be read, or is too short or too long',
  LIMPET_ERR_BENCH_PROGRAM: 'A program of the benchmark is missing, or it failed',
  LIMPET_ERR_CLUSTER_AWAY: 'The store that balancers share cannot be used',
  LIMPET_ERR_CONFIG: 'The configuration is not valid; `problems` lists everything that is wrong with it',
  LIMPET_ERR_CONFIG_READ: 'The configuration file could not be read',
  LIMPET_ERR_DISCOVERED: 'The backends of this pool are found: they are added, removed and moved where they are found',
  LIMPET_ERR_DISCOVERY: 'No backends were found for a pool',
  LIMPET_ERR_HANDED_OVER: 'Nothing can be changed here: another process takes the place of this one',
  LIMPET_ERR_INVALID_STATE: 'The method cannot be called in the present state of the object',
  LIMPET_ERR_KEY_MODULE: 'A module for keys or routes cannot be used',
  LIMPET_ERR_KEY_RATE: 'The sessions of this client come too fast',
  LIMPET_ERR_KEY_SESSIONS: 'This client has as many sessions as one client may have',
  LIMPET_ERR_NEEDS_RESTART: 'A reload would change what only a restart can change',
  LIMPET_ERR_NO_BACKEND: 'No backend of the pool may serve this client now',
  LIMPET_ERR_NO_MEMORY: 'There is not enough memory for a stick table of this size',
  LIMPET_ERR_NO_TABLE: 'The pool has no stick table',
  LIMPET_ERR_PASSED_SOCKET: 'A listen socket that was passed to this process cannot be used',
  LIMPET_ERR_POOL_FULL: 'Every backend that could serve this client, or the pool, is at its maxSessions',
  LIMPET_ERR_PRIVILEGES: 'The process cannot become the user or the group that it is to be',
  LIMPET_ERR_REPORT_READ: 'The report of a benchmark cannot be read, or is none',
  LIMPET_ERR_REPORT_WRITE: 'The report of a benchmark cannot be written',
  LIMPET_ERR_ROSTER_REFUSED: 'The shared roster of a pool cannot be read, or does not fit the configuration',
  LIMPET_ERR_ROSTER_SHARED: 'The backends of this pool are those of all balancers: they are changed by its roster',
  LIMPET_ERR_ROSTER_VERSION: 'The shared roster of a pool has another version than the change is for',
  LIMPET_ERR_SELF_BACKEND: 'A backend leads back to a listener of its own pool',
  LIMPET_ERR_SOCKET_NOT_TAKEN: 'The socket cannot be balanced: it has ended, or somebody else is using it',
  LIMPET_ERR_SOURCE_ADDRESS: 'Connections to backends cannot come from this address',
  LIMPET_ERR_STATE_FILE: 'The state file cannot be read or written',
  LIMPET_ERR_STATE_LOCKED: 'Another balancer uses the state file',
  LIMPET_ERR_TABLE_FILE: 'The file of a stick table cannot be had',
  LIMPET_ERR_TABLE_FILE_IN_USE: 'Another process, or another pool, has the file of a stick table',
  LIMPET_ERR_TABLE_IMPORT: 'The text is no export of a stick table, or one of other keys',
  LIMPET_ERR_TAKEOVER: 'This process could not take over from the running one',
  LIMPET_ERR_TLS_FILE: 'A certificate or a key cannot be read, or is not what it should be',
  LIMPET_ERR_TOO_MANY_BACKENDS: 'The pool already has as many backends as one pool can hold',
  LIMPET_ERR_TRANSPARENT: 'Backends cannot be connected to from the addresses of clients here',
  LIMPET_ERR_UNKNOWN_BACKEND: 'The pool has no backend of this name',
  LIMPET_ERR_UNKNOWN_CLOSING: 'There is no closing of sessions of this id',
  LIMPET_ERR_UNKNOWN_LISTENER: 'There is no listener of this name',
  LIMPET_ERR_UNKNOWN_PIN: 'The stick table has no pin of this client',
  LIMPET_ERR_UNKNOWN_POOL: 'There is no pool of this name',
  LIMPET_ERR_UNKNOWN_SESSION: 'There is no session of this id',
  LIMPET_ERR_UNSUPPORTED: 'This version, or this platform, cannot do what was asked for',
} as const

/** The code of a {@link LimpetError}: one of the keys of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES

/** What a {@link LimpetError} may carry besides its message; what does not apply is absent. */
export interface LimpetErrorDetails {
  /** The error that led to this one. */
  cause?: unknown
  /** Name of the pool that it is about. */
  pool?: string | undefined
  /** Name of the backend that it is about. */
  backend?: string | undefined
  /** Name of the listener that it is about. */
  listener?: string | undefined
  /** The address that it is about, as it was given. */
  address?: string | undefined
  /** The file that it is about. */
  path?: string | undefined
}

/** An error that a user of Limpet can meet and handle; tell them apart by {@link LimpetError.code}. */
export class LimpetError extends Error {
  override readonly name: string = 'LimpetError'
  /** Stable identifier, `LIMPET_ERR_…`. */
  readonly code: ErrorCode
  /** Name of the pool that it is about. */
  declare readonly pool?: string
  /** Name of the backend that it is about. */
  declare readonly backend?: string
  /** Name of the listener that it is about. */
  declare readonly listener?: string
  /** The address that it is about, as it was given. */
  declare readonly address?: string
  /** The file that it is about. */
  declare readonly path?: string

  constructor(code: ErrorCode, message: string, details: LimpetErrorDetails = {}) {
    const { cause, ...fields } = details
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    for (const [field, value] of Object.entries(fields)) {
      if (value !== undefined) Object.defineProperty(this, field, { value, enumerable: true })
    }
  }
}

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** The file; absent for options given by a program, or a text without a file. */
  file?: string | undefined
  /** Line in the file, from 1; absent for options given by a program. */
  line?: number | undefined
  /** Column in the line, from 1, in characters; absent for options given by a program. */
  column?: number | undefined
  /** Place in the document, like `pools.redis.backends[0].weight`; empty: the document itself. */
  path: string
  /** What is wrong, in one sentence without its full stop. */
  message: string
  /** What would be accepted in its place. */
  accepted?: string | undefined
  /** The code that fits this problem best. */
  code: ErrorCode
}

const PROBLEMS_IN_MESSAGE = 50

/** A configuration that is not valid: carries every problem that was found, not only the first one. */
export class LimpetConfigError extends LimpetError {
  override readonly name = 'LimpetConfigError'
  /** Everything that is wrong, in the order of the document. */
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[], details: LimpetErrorDetails = {}) {
    super('LIMPET_ERR_CONFIG', problemsText(problems), details)
    this.problems = problems
  }
}

/** A problem as one line: `limpet.yaml:12:7: pools.redis.placment: unknown key; did you mean "placement"? Accepted: …` */
export function formatProblem(problem: ConfigProblem): string {
  const position = problem.line === undefined ? [] : [problem.line, problem.column]
  const place = [...(problem.file === undefined ? [] : [visible(problem.file)]), ...position].join(':')
  const head = [place, problem.path].filter(part => part !== '').map(part => `${part}: `)
  if (problem.accepted === undefined) return `${head.join('')}${problem.message}`
  const stop = problem.message.endsWith('?') ? '' : '.'
  return `${head.join('')}${problem.message}${stop} Accepted: ${problem.accepted}`
}

function problemsText(problems: readonly ConfigProblem[]): string {
  const [first] = problems
  if (first !== undefined && problems.length === 1) return formatProblem(first)
  const lines = problems.slice(0, PROBLEMS_IN_MESSAGE).map(formatProblem)
  const more = problems.length - lines.length
  if (more > 0) lines.push(`… and ${more} more`)
  const where = first?.file === undefined ? 'the configuration' : visible(first.file)
  return [`${problems.length} problems in ${where}:`, ...lines].join('\n  ')
}

/** An error of the operating system, with the fields of the errors of Node's `net`. */
export interface SystemError extends Error {
  /** Name of the error, like `ECONNREFUSED`. */
  code: string
  /** Its negative number. */
  errno: number
  /** The system call that failed. */
  syscall: string
  /** Address, or path of the unix socket. */
  address?: string
  port?: number
}

/** What a {@link systemError} is about. */
export interface SystemErrorDetails {
  address?: string | undefined
  port?: number | undefined
  cause?: unknown
}

/**
 * Makes an error like those of `net` from what a native function returned.
 *
 * @param errno - a negative number, `-errno`; another one is a `RangeError` with code `ERR_OUT_OF_RANGE`
 * @param syscall - the system call that failed, e.g. `connect`
 */
export function systemError(errno: number, syscall: string, details: SystemErrorDetails = {}): SystemError {
  const code = getSystemErrorName(errno)
  const { address, port, cause } = details
  const peer = address === undefined ? '' : port === undefined ? ` ${address}` : ` ${address}:${port}`
  const error = new Error(`${syscall} ${code}${peer}`, cause === undefined ? undefined : { cause })
  const fields = {
    errno,
    code,
    syscall,
    ...(address === undefined ? {} : { address }),
    ...(port === undefined ? {} : { port }),
  }
  return Object.assign(error, fields)
}

/** What an aborted operation rejects with: `name` is `AbortError`, `code` is `ABORT_ERR`, `cause` is the signal's reason. */
export function abortError(signal: AbortSignal): Error & { code: 'ABORT_ERR' } {
  const error = new Error('The operation was aborted', { cause: signal.reason })
  error.name = 'AbortError'
  return Object.assign(error, { code: 'ABORT_ERR' as const })
}

/** Throws the {@link abortError} of a signal that is already aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(signal)
}

/** A programming mistake: an argument of the wrong type; a `TypeError` with Node's own code. */
export function argumentTypeError(name: string, expected: string, value: unknown): TypeError {
  const given = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value
  const error = new TypeError(`The argument "${name}" must be ${expected}; received ${given}`)
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' as const })
}

/** A programming mistake: an argument out of its range; a `RangeError` with Node's own code. */
export function argumentRangeError(name: string, expected: string, value: unknown): RangeError {
  const error = new RangeError(`The argument "${name}" must be ${expected}; received ${String(value)}`)
  return Object.assign(error, { code: 'ERR_OUT_OF_RANGE' as const })
}
