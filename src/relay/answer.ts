import { HeadVerdict, type NativeHeadKeys } from '../native.ts'

/** `kMaxServerHelloBytes` of native/protocol/tls_server_hello.h. */
const MOST_BYTES = 2048

/**
 * The first bytes of a backend's answer, looked at on their way to the client for the session of TLS that they name. The native
 * relay does it in native/relay/worker_learn.cc.
 */
export class Answer {
  readonly #keys: NativeHeadKeys
  readonly #learn: (session: Uint8Array) => void
  #bytes: Buffer = Buffer.alloc(0)

  /** `learn` is called once at most. */
  constructor(keys: NativeHeadKeys, learn: (session: Uint8Array) => void) {
    this.#keys = keys
    this.#learn = learn
  }

  /** False: what comes later says nothing any more. */
  take(bytes: Buffer): boolean {
    const most = bytes.subarray(0, MOST_BYTES - this.#bytes.length)
    this.#bytes = this.#bytes.length === 0 ? most : Buffer.concat([this.#bytes, most])
    const session = this.#keys.sessionOf(this.#bytes)
    if (session === HeadVerdict.more && this.#bytes.length < MOST_BYTES) return true
    if (typeof session !== 'number') this.#learn(session)
    return false
  }
}
