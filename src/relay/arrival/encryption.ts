import type { Socket } from 'node:net'
import { ENCRYPTION_REQUEST_BYTES, EncryptionRequest, type NativeHeadKeys } from '../../native.ts'
import type { ArrivalStep } from './arrival.ts'
import type { HeadLooked } from './head-step.ts'

/** Says that there is no encryption here. */
const REFUSED = 'N'

/**
 * Answers a PostgreSQL client's requests for encryption, each kind once: they are taken out of what the backend will get. As
 * native/relay/worker_refuse.cc.
 */
class EncryptionRefusal {
  readonly #client: Socket
  readonly #keys: NativeHeadKeys
  readonly #refused = new Set<number>()

  constructor(client: Socket, keys: NativeHeadKeys) {
    this.#client = client
    this.#keys = keys
  }

  look(head: Buffer, isEnded: boolean): HeadLooked {
    let rest = head
    for (;;) {
      const request = this.#keys.encryptionRequest(rest)
      if (request === EncryptionRequest.more) return { head: rest, isDone: isEnded }
      if (request < EncryptionRequest.tls || this.#refused.has(request)) return { head: rest, isDone: true }
      this.#refused.add(request)
      rest = rest.subarray(ENCRYPTION_REQUEST_BYTES)
      this.#client.write(REFUSED)
    }
  }
}

/** Whatever the client says now is for the backend, but requests for encryption that are refused. */
export const refuseEncryption: ArrivalStep = (arrival, next) => {
  const { headKeys, cookie } = arrival.target.pool
  if (headKeys?.refusesEncryption !== true) {
    next()
    return
  }
  const refusal = new EncryptionRefusal(arrival.client, headKeys.keys)
  arrival.look(arrival.limits(cookie !== undefined), (head, isEnded) => refusal.look(head, isEnded), next)
}
