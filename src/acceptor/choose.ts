import cluster from 'node:cluster'
import type { ResolvedListener } from '../config/resolved.ts'
import { LimpetError } from '../errors.ts'
import { hasNativeRelay } from '../relay/native.ts'

/**
 * The acceptor of a listener: `native` where the relay's own threads can do it all, otherwise `net`.
 *
 * @param hasCookie - whether its pool has `affinity.cookie`
 * @throws {@link LimpetError} `LIMPET_ERR_UNSUPPORTED`: `native` where it cannot be
 */
export function chooseAcceptor(settings: ResolvedListener, hasCookie = false): 'net' | 'native' {
  const { acceptor, name } = settings
  if (acceptor === 'net') return 'net'
  const why = whyNotNative(settings, hasCookie)
  if (why === undefined) return 'native'
  if (acceptor === 'auto') return 'net'
  throw new LimpetError('LIMPET_ERR_UNSUPPORTED', `the native acceptor cannot serve: ${why}; use auto or net`, {
    listener: name,
  })
}

function whyNotNative({ bind, relay }: ResolvedListener, hasCookie: boolean): string | undefined {
  if (relay === 'stream') return 'the stream relay takes its clients from the net module'
  if (hasCookie) return 'only the stream relay reads and writes cookies (affinity.cookie)'
  // A socket that somebody else opened may be shared with others, who do not know that it must not block.
  if (bind.kind === 'fd') return 'the listen socket was opened by somebody else'
  // The primary of a cluster owns the listen sockets and passes connections on.
  if (cluster.isWorker) return 'this process is the worker of a cluster'
  return hasNativeRelay() ? undefined : `it does not exist on ${process.platform}`
}
