import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIP } from 'node:net'
import { nativeOs } from '../acceptor/open-socket.ts'
import type { BackendAddress } from '../config/address.ts'
import type { ResolvedPool } from '../config/resolved.ts'
import { LimpetError, systemError } from '../errors.ts'

const NONE: readonly string[] = []
let turn = 0

/** The addresses that a connection to a backend may come from, those of its family, beginning with another one each time. */
export function sourcesInTurn(bind: readonly string[], endpoint: BackendAddress): readonly string[] {
  if (bind.length === 0 || endpoint.kind === 'unix') return NONE
  const family = isIP(endpoint.host)
  const sources = bind.filter(address => isIP(address) === family)
  const first = sources.length === 0 ? 0 : turn++ % sources.length
  return [...sources.slice(first), ...sources.slice(0, first)]
}

/**
 * Connections can come from where the pools say.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_SOURCE_ADDRESS`: this host does not have an address; `LIMPET_ERR_TRANSPARENT`: not from
 *   those of clients
 */
export async function assertSources(pools: Iterable<Pick<ResolvedPool, 'name' | 'source'>>): Promise<void> {
  for (const { name: pool, source } of pools) {
    for (const address of source.bind) await assertOwn(pool, address)
    if (source.transparent !== 'off') assertTransparent(pool)
  }
}

/** By a socket of UDP, to which nobody can connect meanwhile. */
async function assertOwn(pool: string, address: string): Promise<void> {
  const socket = createSocket({ type: isIP(address) === 6 ? 'udp6' : 'udp4' })
  try {
    socket.bind({ address, port: 0, exclusive: true })
    await once(socket, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'EADDRNOTAVAIL' ? 'this host does not have the address' : code
    const message = `the pool ${pool} cannot connect from ${address}: ${why}`
    throw new LimpetError('LIMPET_ERR_SOURCE_ADDRESS', message, { pool, address, cause })
  } finally {
    socket.close()
  }
}

function assertTransparent(pool: string): void {
  const status = nativeOs()?.transparent()
  if (status === 0) return
  const why =
    status === undefined
      ? `${process.platform} has no IP_TRANSPARENT`
      : 'this needs the capability CAP_NET_ADMIN (or CAP_NET_RAW), which root and units with AmbientCapabilities have'
  const message = `the pool ${pool} cannot connect from the addresses of clients: ${why}`
  const cause = status === undefined ? undefined : systemError(status, 'setsockopt')
  throw new LimpetError('LIMPET_ERR_TRANSPARENT', message, { pool, cause })
}
