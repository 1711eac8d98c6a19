import { type KeySource, KnownKeySource } from '../affinity/key-source.ts'
import type { SecuredClient } from './handshake.ts'

/** What is known when the handshake is done, as native/protocol finds it in a ClientHello. */
const FACTS: Readonly<Record<string, (client: SecuredClient) => string | undefined>> = {
  'tls.sni': ({ sni }) => sni,
  'tls.alpn': ({ alpn }) => alpn,
  'tls.clientSubject': ({ subject }) => subject,
}

/** A source of keys for a client whose TLS ends here: what the handshake has told is looked for there, all else in the bytes that were in TLS. */
export function sourceWithin(source: KeySource, client: SecuredClient): KeySource {
  const fact = FACTS[source.name]
  if (fact === undefined) return source
  const known = fact(client) ?? ''
  return new KnownKeySource(source.name, known === '' ? undefined : Buffer.from(known))
}
