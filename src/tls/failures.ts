import type { Log } from '../log/log.ts'

/** At most one line in this time, however many handshakes fail. */
const EVERY_MS = 5000
/** More kinds of causes are told as `other`. */
const MOST_CAUSES = 16

/** Tells handshakes that failed, by their causes. */
export class HandshakeFailures {
  readonly #log: Log
  readonly #facts: object
  readonly #message: string
  readonly #causes = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined

  /** `facts`: what every line says. */
  constructor(log: Log, facts: object, message: string) {
    this.#log = log
    this.#facts = facts
    this.#message = message
  }

  /** The first one is told at once, those of the next seconds together. */
  count(cause: string): void {
    const known = this.#causes.has(cause) || this.#causes.size < MOST_CAUSES ? cause : 'other'
    this.#causes.set(known, (this.#causes.get(known) ?? 0) + 1)
    if (this.#timer === undefined) this.#tell()
  }

  #tell(): void {
    this.#timer = undefined
    if (this.#causes.size === 0) return
    this.#log.warn({ ...this.#facts, causes: Object.fromEntries(this.#causes) }, this.#message)
    this.#causes.clear()
    this.#timer = setTimeout(() => this.#tell(), EVERY_MS).unref()
  }
}

/** A short name of what went wrong: `ERR_SSL_HTTP_REQUEST`, `CERT_HAS_EXPIRED`. */
export function causeOf(error: unknown): string {
  const { code, reason, message } = error as { code?: string; reason?: string; message?: string }
  return code ?? reason ?? message ?? 'unknown'
}
