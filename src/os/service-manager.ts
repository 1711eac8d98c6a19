import { getSystemErrorName } from 'node:util'
import type { Log } from '../log/log.ts'
import { native } from '../native.ts'
import type { ServiceEnvironment } from './systemd.ts'

/** setInterval takes no longer time. */
const LONGEST_INTERVAL_MS = 2 ** 31 - 1

/**
 * Tells the service manager how the service is (sd_notify(3)). Nothing is sent where none asks for it; what cannot be
 * sent is told in the log, once, and harms nothing.
 */
export class ServiceManager {
  readonly #socket: string | undefined
  readonly #log: Log
  readonly #watchdog: NodeJS.Timeout | undefined
  #hasFailed = false

  constructor({ notifySocket, watchdogMs }: Omit<ServiceEnvironment, 'sockets'>, log: Log) {
    this.#socket = notifySocket
    this.#log = log
    if (watchdogMs === undefined) return
    // Half the time, as sd_watchdog_enabled(3) advises: a turn of the event loop is the sign of life.
    const every = Math.min(Math.max(1, watchdogMs / 2), LONGEST_INTERVAL_MS)
    this.#watchdog = setInterval(() => this.#tell('WATCHDOG=1'), every).unref()
  }

  /** It serves, or serves again after {@link ServiceManager.reloading}. */
  ready(status: string): void {
    this.#tell('READY=1', `STATUS=${status}`)
  }

  /** It reads its configuration again; {@link ServiceManager.ready} ends that. */
  reloading(): void {
    // The clock of hrtime is CLOCK_MONOTONIC.
    this.#tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`, 'STATUS=reading its configuration')
  }

  /** It ends. The watchdog is served on: sessions may take their time. */
  stopping(status: string): void {
    this.#tell('STOPPING=1', `STATUS=${status}`)
  }

  /** How it is, in a few words. */
  status(status: string): void {
    this.#tell(`STATUS=${status}`)
  }

  /** Another process is the service from now on. */
  succeededBy(pid: number): void {
    this.#tell(`MAINPID=${pid}`)
  }

  end(): void {
    clearInterval(this.#watchdog)
  }

  #tell(...lines: string[]): void {
    if (this.#socket === undefined) return
    // A line feed would begin another assignment.
    const text = lines.map(line => `${line.replaceAll('\n', ' ')}\n`).join('')
    const status = native().os?.notify(this.#socket, text) ?? 0
    if (status === 0 || this.#hasFailed) return
    this.#hasFailed = true
    this.#log.warn({ socket: this.#socket, code: getSystemErrorName(status) }, 'the service manager cannot be told')
  }
}
