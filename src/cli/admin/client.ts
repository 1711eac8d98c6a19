import { type IncomingMessage, request } from 'node:http'
import { CliError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import { type AdminFailure, connectFailure, refusal } from './failures.ts'
import type { AdminTarget } from './target.ts'

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

/** Bounds of a request; tests give their own. */
export interface ClientLimits {
  /** Longest silence, in milliseconds. A reload looks host names up before it answers. */
  timeoutMs: number
  /** Longest answer, in bytes; 10,000 backends have some 3 MB. */
  mostBytes: number
}

const LIMITS: ClientLimits = { timeoutMs: 30_000, mostBytes: 64 * 1024 * 1024 }

/** Asks the admin listener of a running process. One request after the other, each on a connection of its own. */
export class AdminClient {
  readonly target: AdminTarget
  readonly #limits: ClientLimits

  constructor(target: AdminTarget, limits: ClientLimits = LIMITS) {
    this.target = target
    this.#limits = limits
  }

  /** The answer's JSON; undefined for an answer without a body. Throws a {@link CliError} for whatever goes wrong. */
  async ask<T>(method: Method, path: string, body?: unknown, more: Record<string, string> = {}): Promise<T> {
    const answer = await this.#send(method, path, 'application/json', body, more)
    const text = await this.#text(answer)
    const { statusCode = 0 } = answer
    if (statusCode >= 200 && statusCode < 300) return this.#parse(text) as T
    throw refusal(this.target, statusCode, this.#failure(text))
  }

  async get<T>(path: string): Promise<T> {
    return await this.ask<T>('GET', path)
  }

  /**
   * An answer that goes on, as text.
   *
   * @param lastId - of the last event of an answer before; undefined: there was none
   */
  async *follow(path: string, lastId?: string): AsyncGenerator<string> {
    const more = lastId === undefined ? {} : { 'last-event-id': lastId }
    const answer = await this.#send('GET', path, 'text/event-stream', undefined, more)
    const { statusCode = 0 } = answer
    if (statusCode !== 200) throw refusal(this.target, statusCode, this.#failure(await this.#text(answer)))
    const decoder = new TextDecoder()
    try {
      for await (const chunk of answer) yield decoder.decode(chunk as Buffer, { stream: true })
    } catch (error) {
      throw connectFailure(this.target, error as NodeJS.ErrnoException)
    }
  }

  #send(
    method: Method,
    path: string,
    accept: string,
    body?: unknown,
    more: Record<string, string> = {},
  ): Promise<IncomingMessage> {
    const { token, connection } = this.target
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      accept,
      ...more,
      ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      ...(token.value === undefined ? {} : { authorization: `Bearer ${token.value}` }),
      ...('socketPath' in connection ? { host: 'localhost' } : {}),
    }
    const { timeoutMs } = this.#limits
    return new Promise((done, fail) => {
      const asked = request({ ...connection, method, path, headers, agent: false, timeout: timeoutMs }, done)
      asked.once('timeout', () =>
        asked.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT', seconds: timeoutMs / 1000 })),
      )
      asked.once('error', (error: NodeJS.ErrnoException) => fail(connectFailure(this.target, error)))
      asked.end(text)
    })
  }

  async #text(answer: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = []
    let length = 0
    try {
      for await (const chunk of answer) {
        chunks.push(chunk as Buffer)
        length += (chunk as Buffer).length
        if (length <= this.#limits.mostBytes) continue
        answer.destroy()
        throw this.#strange(`it has more than ${this.#limits.mostBytes} bytes`)
      }
    } catch (error) {
      throw error instanceof CliError ? error : connectFailure(this.target, error as NodeJS.ErrnoException)
    }
    return Buffer.concat(chunks, length).toString()
  }

  #parse(text: string): unknown {
    if (text === '') return undefined
    try {
      return JSON.parse(text)
    } catch {
      throw this.#strange('it is not JSON')
    }
  }

  /** What a refusal says of itself; undefined: nothing that Limpet would say. */
  #failure(text: string): AdminFailure | undefined {
    try {
      return (JSON.parse(text) as { error?: AdminFailure }).error
    } catch {
      // Whoever answers is not Limpet; the status is told.
      return undefined
    }
  }

  #strange(why: string): CliError {
    const { text, from } = this.target
    return new CliError(`the answer of ${text} (${from}) is not Limpet's: ${why}`, EXIT.failed)
  }
}
