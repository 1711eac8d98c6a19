import { isIP } from 'node:net'
import { abortError } from '../../errors.ts'
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
  const { createClient } = await loadClient()
  const client = createClient({ ...optionsOf(access), socket: socketOf(node, access) })
  client.on('error', access.lost)
  let isGivenUp = false
  // One that was destroyed while it connected would go on.
  client.on('connect', () => {
    if (isGivenUp) client.destroy()
  })
  const giveUp = (): void => {
    isGivenUp = true
    client.destroy()
  }
  await connected(() => client.connect(), giveUp, access.connectMs, signal)
  const call: StoreCall = async command => await client.sendCommand(command)
  return { call: (_, command) => call(command), nodes: async () => [call], destroy: () => client.destroy() }
}

/** Connects to a Redis Cluster of which some nodes are known. */
export async function openCluster(
  nodes: readonly StoreNode[],
  access: StoreAccess,
  signal: AbortSignal,
): Promise<OpenedStore> {
  const { createCluster } = await loadClient()
  const cluster = createCluster({
    // They are only asked for the others: one that says nothing is left for the next.
    rootNodes: nodes.map(node => ({ socket: { ...socketOf(node, access), socketTimeout: access.connectMs } })),
    defaults: { ...optionsOf(access), socket: commonSocketOf(access) },
    // A node that is away concerns those who ask it.
    minimizeConnections: true,
  })
  // That one of the nodes is away matters only where all are: what is wrong with them says more than that all are away.
  let isOpen = false
  let failure: Error | undefined
  const failed = (error: Error): void => {
    failure = error
    if (isOpen) access.lost(error)
  }
  cluster.on('error', failed)
  cluster.on('node-error', failed)
  const patience = access.connectMs * (nodes.length + 1)
  try {
    await connected(
      () => cluster.connect(),
      () => cluster.destroy(),
      patience,
      signal,
    )
  } catch (error) {
    throw signal.aborted ? error : (failure ?? error)
  }
  isOpen = true
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

/** Asks a store that nobody watches yet; it is closed where it does not answer in time. */
export async function askOnce(
  store: OpenedStore,
  command: readonly string[],
  limitMs: number,
  signal: AbortSignal,
): Promise<unknown> {
  return await connected(
    () => store.call('', command),
    () => store.destroy(),
    limitMs,
    signal,
  )
}

/** Whoever shares nothing does not load it. Of a package in CommonJS, bundlers give the default export only. */
async function loadClient(): Promise<typeof import('@redis/client')> {
  const { default: client } = await import('@redis/client')
  return client
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

/** The result, or why there is none: an error, the limit, the signal. What is given up does not hold up whoever waits. */
async function connected<Result>(
  act: () => Promise<Result>,
  giveUp: () => void,
  limitMs: number,
  signal: AbortSignal,
): Promise<Result> {
  if (signal.aborted) {
    giveUp()
    throw abortError(signal)
  }
  let stop: (error: Error) => void = () => undefined
  const stopped = new Promise<never>((_, reject) => {
    stop = error => {
      reject(error)
      giveUp()
    }
  })
  const aborted = (): void => stop(abortError(signal))
  const late = setTimeout(() => stop(new Error(`no answer within ${limitMs} ms`)), limitMs)
  signal.addEventListener('abort', aborted, { once: true })
  try {
    return await Promise.race([stopped, act()])
  } finally {
    clearTimeout(late)
    signal.removeEventListener('abort', aborted)
  }
}
