/** A listen socket that the service manager opened. */
export interface ManagedSocket {
  /** `FileDescriptorName=` of its unit. */
  readonly name: string
  readonly fd: number
}

/** What a service manager, like systemd, tells a service by its environment: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3). */
export interface ServiceEnvironment {
  readonly sockets: readonly ManagedSocket[]
  /** Where it wants to be told how the service is. */
  readonly notifySocket: string | undefined
  /** It wants to be told that often at least that the service lives, in milliseconds. */
  readonly watchdogMs: number | undefined
}

/** SD_LISTEN_FDS_START */
const FIRST_FD = 3
/** The name that the service manager gives to sockets without one. */
const UNNAMED = 'unknown'
const VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC']

/** Reads what is meant for this process, once: programs that it starts must not take it for theirs, so it is removed. */
export function takeServiceEnvironment(env: NodeJS.ProcessEnv, pid: number = process.pid): ServiceEnvironment {
  const { LISTEN_PID, WATCHDOG_PID = String(pid), NOTIFY_SOCKET } = env
  const sockets = LISTEN_PID === String(pid) ? readSockets(env) : []
  const watchdogMs = WATCHDOG_PID === String(pid) ? readWatchdog(env) : undefined
  for (const variable of VARIABLES) delete env[variable]
  return { sockets, notifySocket: NOTIFY_SOCKET === '' ? undefined : NOTIFY_SOCKET, watchdogMs }
}

function readSockets({ LISTEN_FDS = '', LISTEN_FDNAMES }: NodeJS.ProcessEnv): ManagedSocket[] {
  if (!/^[1-9]\d{0,4}$/.test(LISTEN_FDS)) return []
  const names = LISTEN_FDNAMES?.split(':') ?? []
  return Array.from({ length: Number(LISTEN_FDS) }, (_, at) => ({ name: names[at] || UNNAMED, fd: FIRST_FD + at }))
}

function readWatchdog({ WATCHDOG_USEC = '' }: NodeJS.ProcessEnv): number | undefined {
  return /^[1-9]\d{0,15}$/.test(WATCHDOG_USEC) ? Number(WATCHDOG_USEC) / 1000 : undefined
}
