import type { ResolvedAffinity } from '../config/resolved.ts'
import { HeadVerdict, KeyFallback, type NativeHeadKeys, type NativeNamed, type NativePool, native } from '../native.ts'
import type { SecuredClient } from './handshake.ts'

/** How the key of one client is found. */
export interface KeySearch {
  readonly keys: Pick<NativeHeadKeys, 'find'>
  /** A {@link KeyFallback}: of those without any. */
  readonly fallback: number
}

/** What is known when the handshake is done, as native/protocol finds it in a ClientHello. */
const FACTS: Readonly<Record<string, (client: SecuredClient) => string | undefined>> = {
  'tls.sni': ({ sni }) => sni,
  'tls.alpn': ({ alpn }) => alpn,
  'tls.clientSubject': ({ subject }) => subject,
}

/** Finds the keys of clients whose TLS ends here: in the handshake, in a PROXY header, and in the first bytes that were in TLS. */
export class TlsKeys {
  readonly #texts: readonly string[]
  readonly #fallback: number
  /** What is looked for in first bytes, by how many of the texts are before the one that is known. */
  readonly #recipes = new Map<number, NativeHeadKeys | undefined>()

  private constructor(texts: readonly string[], fallback: number) {
    this.#texts = texts
    this.#fallback = fallback
  }

  /** Undefined: addresses are the keys. */
  static of({ key, fallback }: ResolvedAffinity): TlsKeys | undefined {
    const texts = key.filter(text => text !== 'source')
    if (texts.length === 0) return undefined
    return new TlsKeys(texts, KeyFallback[key.includes('source') ? 'source' : fallback])
  }

  /** The first source that yields is the key: what comes behind one that is known is not looked for. */
  search(client: SecuredClient): KeySearch {
    const at = this.#texts.findIndex(text => (FACTS[text]?.(client) ?? '') !== '')
    const known = at < 0 ? undefined : FACTS[this.#texts[at] ?? '']?.(client)
    const before = this.#recipe(at < 0 ? this.#texts.length : at)
    return { keys: new KeysBefore(before, known), fallback: this.#fallback }
  }

  #recipe(before: number): NativeHeadKeys | undefined {
    if (!this.#recipes.has(before)) {
      const texts = this.#texts.slice(0, before).filter(text => FACTS[text] === undefined)
      this.#recipes.set(before, texts.length === 0 ? undefined : new (native().HeadKeys)(texts))
    }
    return this.#recipes.get(before)
  }
}

/** A key that is known, and those that go before it. */
class KeysBefore implements Pick<NativeHeadKeys, 'find'> {
  readonly #before: NativeHeadKeys | undefined
  readonly #known: Buffer | undefined

  constructor(before: NativeHeadKeys | undefined, known: string | undefined) {
    this.#before = before
    this.#known = known === undefined ? undefined : Buffer.from(known)
  }

  find(head: Uint8Array, ended: boolean, pool: NativePool, proxyHeader?: Uint8Array): Buffer | NativeNamed | number {
    const found = this.#before?.find(head, ended, pool, proxyHeader) ?? HeadVerdict.missing
    const known = this.#known
    if (known === undefined || found instanceof Uint8Array) return found
    if (typeof found !== 'number') return found.key === undefined ? { ...found, key: known } : found
    return found === HeadVerdict.missing || found === HeadVerdict.cutShort ? known : found
  }
}
