import { isIP } from 'node:net'
import { abortError } from '../errors.ts'
import type { StoreNode } from './store-address.ts'

/** One command, answered. */
export type StoreCall = (command: readonly string[]) => Promise<unknown>

/** A connected store, of whatever kind. It is not connected anew: after an error of a connection another one is opened. */
export interface OpenedStore {
  /** @param key - says which node the command is for */
  call(key: string, command: readonly string[]): Promise<unknown>
  /** The nodes that have keys of their own. */
  nodes(): Promise<StoreCall[]>
  /** Rejects what was not answered. */
  destroy(): void
}

/** How a store is reached. */
export interface StoreAccess {
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly database: number
  /** Undefined: without TLS. */
  readonly tls: { readonly ca: Buffer | undefined } | undefined
  readonly connectMs: number
  /** Told when a connection is lost, perhaps more than once. */
  readonly lost: (error: Error) => void
}

/** Connects to one server. Rejects with what went wrong, or the reason of the signal. */
export async function openNode(node: StoreNode, access: StoreAccess, signal: AbortSignal): Promise<OpenedStore> {
  // Whoever shares nothing does not load it.
  const { createClient } = await import('@redis/client')
  const client = createClient({ ...optionsOf(access), socket: socketOf(node, access) })
  client.on('error', access.lost)
  await connected(
    () => client.connect(),
    () => client.destroy(),
    signal,
  )
  const call: StoreCall = async command => await client.sendCommand(command)
  return { call: (_, command) => call(command), nodes: async () => [call], destroy: () => client.destroy() }
}

/** Connects to a Redis Cluster of which some nodes are known. */
export async function openCluster(
  nodes: readonly StoreNode[],
  access: StoreAccess,
  signal: AbortSignal,
): Promise<OpenedStore> {
  const { createCluster } = await import('@redis/client')
  const cluster = createCluster({
    rootNodes: nodes.map(node => ({ socket: socketOf(node, access) })),
    defaults: { ...optionsOf(access), socket: commonSocketOf(access) },
    // A node that is away concerns those who ask it.
    minimizeConnections: true,
  })
  cluster.on('error', access.lost)
  cluster.on('node-error', access.lost)
  await connected(
    () => cluster.connect(),
    () => cluster.destroy(),
    signal,
  )
  return {
    call: async (key, command) => await cluster.sendCommand(key, false, [...command]),
    nodes: async () => {
      const clients = await Promise.all(cluster.masters.map(master => cluster.nodeClient(master)))
      return clients.map(
        (client): StoreCall =>
          async command =>
            await client.sendCommand(command),
      )
    },
    destroy: () => cluster.destroy(),
  }
}

function optionsOf({ username, password, database }: StoreAccess) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(database === 0 ? {} : { database }),
    name: 'limpet',
    // The answers of every server since Redis 2.
    RESP: 2 as const,
    disableClientInfo: true,
    disableOfflineQueue: true,
    maintNotifications: 'disabled' as const,
  }
}

function commonSocketOf({ tls, connectMs }: StoreAccess) {
  const common = { connectTimeout: connectMs, reconnectStrategy: false as const }
  return tls === undefined ? common : { ...common, tls: true as const, ...(tls.ca === undefined ? {} : { ca: tls.ca }) }
}

function socketOf({ host, port }: StoreNode, access: StoreAccess) {
  // An address is in no certificate's server name.
  const name = access.tls === undefined || isIP(host) !== 0 ? {} : { servername: host }
  return { ...commonSocketOf(access), ...name, host, port }
}

async function connected(connect: () => Promise<unknown>, destroy: () => void, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const stop = (): void => destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    await connect()
  } catch (error) {
    throw signal.aborted ? abortError(signal) : error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
