import cluster from 'node:cluster'
import { needsScript } from '../affinity/needs-script.ts'
import type { ResolvedAffinity, ResolvedListener } from '../config/resolved.ts'
import { isByCode } from '../config/route.ts'
import { LimpetError } from '../errors.ts'
import { hasNativeRelay } from '../relay/native.ts'
import { type StreamOnlyPool, whyStreamOnly } from '../relay/stream-only.ts'

/** A pool, as far as it matters who accepts its clients. */
export type AcceptedPool = StreamOnlyPool & { affinity: Pick<ResolvedAffinity, 'key'> }

const IN_SCRIPT = 'keys of its pool are made by code, which runs in the main thread'

/**
 * The acceptor of a listener with its pools: `native` where the relay's own threads can do it all, otherwise `net`.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_UNSUPPORTED`: `native` where it cannot be
 */
export function chooseAcceptor(settings: ResolvedListener, pools: readonly AcceptedPool[]): 'net' | 'native' {
  const { acceptor, name } = settings
  if (acceptor === 'net') return 'net'
  const why = pools.some(({ affinity }) => needsScript(affinity.key)) ? IN_SCRIPT : whyNotNative(settings, pools)
  if (why === undefined) return 'native'
  if (acceptor === 'auto') return 'net'
  throw new LimpetError('LIMPET_ERR_UNSUPPORTED', `the native acceptor cannot serve: ${why}; use auto or net`, {
    listener: name,
  })
}

function whyNotNative(settings: ResolvedListener, pools: readonly StreamOnlyPool[]): string | undefined {
  const { bind, relay, tls, route } = settings
  if (relay === 'stream') return 'the stream relay takes its clients from the net module'
  const why = whyStreamOnly({ tls, isByCode: route.some(isByCode) }, pools)
  if (why !== undefined) return why
  // A socket that somebody else opened may be shared with others, who do not know that it must not block.
  if (bind.kind === 'fd') return 'the listen socket was opened by somebody else'
  // The primary of a cluster owns the listen sockets and passes connections on.
  if (cluster.isWorker) return 'this process is the worker of a cluster'
  return hasNativeRelay() ? undefined : `it does not exist on ${process.platform}`
}
