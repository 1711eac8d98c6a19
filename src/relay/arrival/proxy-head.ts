import type { Socket } from 'node:net'
import type { SessionCounter } from '../../native.ts'
import { decodeProxy, type ProxyHeader } from '../../protocol/proxy.ts'
import { isBroken } from '../direction.ts'
import { addressOf } from '../proxied-client.ts'
import type { ArrivalStep } from './arrival.ts'

/** Longest header of version 2 that is taken. As in native/relay/proxied_client.h. */
const MOST_BYTES = 16 * 1024

/** The header, or why the client is closed. */
type ProxyHeadFound =
  | { readonly header: ProxyHeader; readonly bytes: Buffer }
  | { readonly cause: Extract<SessionCounter, `refusedProxy${string}` | 'endClientGone'> }

/**
 * Waits for the PROXY header of a client of the stream relay, and takes it out of the socket: what follows is read from there as if
 * nothing had been before it. The native relay does it in native/relay/worker_proxy.cc.
 */
class ProxyHead {
  readonly #client: Socket
  readonly #found: (found: ProxyHeadFound) => void
  readonly #read = (): void => this.#look(false)
  readonly #ended = (): void => this.#look(true)
  readonly #timer: NodeJS.Timeout
  #head: Buffer = Buffer.alloc(0)

  /** `found` is called once, not before the constructor has returned; after {@link ProxyHead.stop} not at all. */
  constructor(client: Socket, timeoutMs: number, found: (found: ProxyHeadFound) => void) {
    this.#client = client
    this.#found = found
    this.#timer = setTimeout(() => this.#tell({ cause: 'refusedProxyTimeout' }), timeoutMs).unref()
    client.on('readable', this.#read)
    client.once('end', this.#ended)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#client.off('readable', this.#read)
    this.#client.off('end', this.#ended)
  }

  #look(isEnded: boolean): void {
    for (let part: Buffer | null = this.#client.read(); part !== null; part = this.#client.read()) {
      this.#head = Buffer.concat([this.#head, part])
      const verdict = decodeProxy(this.#head, MOST_BYTES)
      if (verdict.status === 'more') continue
      if (verdict.status === 'refused') this.#tell({ cause: 'refusedProxyInvalid' })
      else this.#taken(verdict.header, verdict.length)
      return
    }
    // Nothing at all: a check of the proxy's that only connects.
    if (!isEnded) return
    const isGone = this.#head.length === 0 || isBroken(this.#client)
    this.#tell({ cause: isGone ? 'endClientGone' : 'refusedProxyInvalid' })
  }

  #taken(header: ProxyHeader, length: number): void {
    const rest = this.#head.subarray(length)
    if (rest.length > 0) this.#client.unshift(rest)
    this.#tell({ header, bytes: this.#head.subarray(0, length) })
  }

  #tell(found: ProxyHeadFound): void {
    this.stop()
    this.#found(found)
  }
}

/** Who the client is, where a proxy says so. As native/relay/worker_proxy.cc. */
export const readProxyHeader: ArrivalStep = (arrival, next) => {
  const { client, target } = arrival
  if (target.proxy === undefined) {
    next()
    return
  }
  arrival.waiting = new ProxyHead(client, target.proxy.timeout, found => {
    if ('cause' in found) {
      arrival.events.refused(found.cause)
      return
    }
    const peer = { address: arrival.clientAddress, port: arrival.clientPort }
    arrival.proxied = { ...found, peer }
    if (found.header.source !== undefined) {
      const { address, port } = addressOf(arrival.proxied) ?? {}
      arrival.clientAddress = address
      arrival.clientPort = port
    }
    if (target.filter?.permits(arrival.clientAddress ?? '') === false) arrival.events.refused('refusedDenied')
    else next()
  })
}
