import { readFile } from 'node:fs/promises'
import { askOnce, type OpenedStore, openCluster, openNode, type StoreAccess, type StoreCall } from './redis.ts'
import { askPrimary } from './sentinel.ts'
import type { StoreAddress, StoreNode } from './store-address.ts'

/** A store that does not answer for so long is away, whatever its connection says. */
export const ANSWER_MS = 2000
/** How often Sentinels are asked whether the primary is still the same. */
const PRIMARY_EVERY_MS = 5000
/** A cluster spreads what is shared over so many slots; elsewhere there is nothing to spread it over. */
const CLUSTER_SHARDS = 16
const SCANNED = '1000'
/** Answers of a server that is not the right one, or not yet, for whoever asks it anything: another one is looked for. */
const WRONG_SERVER = /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|NOAUTH)\b/

/** An open store, for as long as it answers. Nothing that was sent is sent again by itself. */
export interface StoreLink {
  /** Into how many parts keys are divided, each in one slot. */
  readonly shards: number
  /** False once it is lost, or closed: errors before are answers of the store. */
  readonly isOpen: boolean
  /**
   * Sends one command; those of one turn of the event loop go together.
   *
   * @param key - says which node it is for
   * @throws what the store answers, or what became of the connection
   */
  call(key: string, command: readonly string[]): Promise<unknown>
  /** Keys that fit a pattern, some at a time and perhaps some twice, as SCAN has it. */
  scan(pattern: string): AsyncIterable<string[]>
  /** Rejects what was not answered; nobody is told that it is lost then. Idempotent. */
  close(): void
}

/** What is needed besides the address. */
export interface LinkOptions {
  /** A file of certificates; undefined: those of the system. */
  ca: string | undefined
  /** Told once that it is lost. */
  lost: (error: Error) => void
  signal: AbortSignal
}

/** Connects to a store. Rejects with errors of `fs`, `net`, TLS and the store, or the reason of the signal. */
export async function openLink(address: StoreAddress, { ca, lost, signal }: LinkOptions): Promise<StoreLink> {
  const tls = address.isTls ? { ca: ca === undefined ? undefined : await readFile(ca) } : undefined
  const watch = new Watch(address.kind === 'cluster' ? CLUSTER_SHARDS : 1, lost)
  const access = { ...address, tls, connectMs: ANSWER_MS, lost: (error: Error) => watch.lose(error) }
  const openers = { single: openSingle, sentinel: openPrimary, cluster: openWhole }
  watch.begin(await openers[address.kind](address, access, signal, watch))
  return watch
}

async function openSingle({ nodes }: StoreAddress, access: StoreAccess, signal: AbortSignal): Promise<OpenedStore> {
  return await openNode(nodes[0] as StoreNode, access, signal)
}

async function openWhole({ nodes }: StoreAddress, access: StoreAccess, signal: AbortSignal): Promise<OpenedStore> {
  return await openCluster(nodes, access, signal)
}

async function openPrimary(
  address: StoreAddress,
  access: StoreAccess,
  signal: AbortSignal,
  watch: Watch,
): Promise<OpenedStore> {
  const primary = await askPrimary(address, access, signal)
  const store = await openNode(primary, access, signal)
  try {
    const [role] = (await askOnce(store, ['ROLE'], ANSWER_MS, signal)) as unknown[]
    if (role !== 'master') throw new Error(`${primary.host}:${primary.port} is no primary, though the Sentinels say so`)
  } catch (error) {
    store.destroy()
    throw error
  }
  watch.every(PRIMARY_EVERY_MS, async () => {
    const now = await askPrimary(address, access, AbortSignal.timeout(ANSWER_MS)).catch(() => primary)
    if (now.host !== primary.host || now.port !== primary.port)
      watch.lose(new Error(`the primary is ${now.host}:${now.port} now`))
  })
  return store
}

/** Gives a store up that does not answer. */
class Watch implements StoreLink {
  readonly shards: number
  readonly #lost: (error: Error) => void
  readonly #timers: NodeJS.Timeout[] = []
  #store: OpenedStore | undefined
  #waiting = 0
  /** Since when nothing was answered that is waited for, by the monotonic clock. */
  #since = 0
  #reason: Error | undefined

  constructor(shards: number, lost: (error: Error) => void) {
    this.shards = shards
    this.#lost = lost
  }

  get isOpen(): boolean {
    return this.#store !== undefined && this.#reason === undefined
  }

  begin(store: OpenedStore): void {
    this.#store = store
    if (this.#reason !== undefined) {
      store.destroy()
      throw this.#reason
    }
    this.every(ANSWER_MS / 4, () => {
      if (this.#waiting > 0 && performance.now() - this.#since >= ANSWER_MS)
        this.lose(new Error(`no answer within ${ANSWER_MS} ms`))
    })
  }

  every(ms: number, act: () => Promise<void> | void): void {
    // Lost while it was opened: nobody would stop it.
    if (this.#reason === undefined) this.#timers.push(setInterval(() => void act(), ms).unref())
  }

  call(key: string, command: readonly string[]): Promise<unknown> {
    return this.#watched(() => this.#opened().call(key, command))
  }

  async *scan(pattern: string): AsyncGenerator<string[]> {
    for (const node of await this.#watched(() => this.#opened().nodes())) yield* this.#scanOf(node, pattern)
  }

  async *#scanOf(node: StoreCall, pattern: string): AsyncGenerator<string[]> {
    let cursor = '0'
    do {
      const answer = await this.#watched(() => node(['SCAN', cursor, 'MATCH', pattern, 'COUNT', SCANNED]))
      const [next, keys] = answer as [string, string[]]
      cursor = String(next)
      if (keys.length > 0) yield keys
    } while (cursor !== '0')
  }

  #opened(): OpenedStore {
    if (this.#store === undefined || this.#reason !== undefined) throw this.#reason ?? new Error('it is not open yet')
    return this.#store
  }

  async #watched<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#waiting++ === 0) this.#since = performance.now()
    try {
      return await ask()
    } catch (error) {
      if (WRONG_SERVER.test((error as Error).message)) this.lose(error as Error)
      // Why it was given up says more than that it was.
      throw this.#reason ?? error
    } finally {
      this.#waiting--
      // Whoever answers one of many lives.
      this.#since = performance.now()
    }
  }

  lose(error: Error): void {
    if (this.#reason !== undefined) return
    this.#end(error)
    // While it is opened the error is that of the opening.
    if (this.#store !== undefined) this.#lost(error)
  }

  close(): void {
    if (this.#reason === undefined) this.#end(new Error('it was closed'))
  }

  #end(reason: Error): void {
    this.#reason = reason
    for (const timer of this.#timers) clearInterval(timer)
    this.#store?.destroy()
  }
}
