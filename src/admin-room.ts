import type { AddressInfo } from 'node:net'
import type { OpenSocket } from './acceptor/open-socket.ts'
import type { AdminServer } from './admin/server.ts'
import type { Balancer } from './balancer.ts'
import type { ListenOptions } from './balancer-types.ts'
import type { ResolvedConfig } from './config/resolved.ts'
import type { Log } from './log/log.ts'
import type { SessionFeed } from './relay/session-feed.ts'

/** Whose admin API it is. */
export interface AdminOwner {
  balancer: Balancer
  sessions: SessionFeed
  log: Log
  /** Resolves when what was changed is kept. */
  kept: () => Promise<void>
}

/** The place of the admin API in a balancer: programs that do not configure it do not load it. */
export class AdminRoom {
  readonly #owner: AdminOwner
  #server: AdminServer | undefined

  constructor(owner: AdminOwner) {
    this.#owner = owner
  }

  /** Nothing, where the configuration has no admin API. */
  async open(
    { admin: settings, file }: ResolvedConfig,
    reload: ListenOptions['reload'],
    socket?: OpenSocket,
  ): Promise<void> {
    if (settings === undefined) return
    const { AdminServer } = await import('./admin/server.ts')
    this.#server = await AdminServer.open({ ...this.#owner, settings, file, reload, socket })
  }

  address(): AddressInfo | string | null {
    return this.#server?.address() ?? null
  }

  socket(): OpenSocket | undefined {
    return this.#server?.socket()
  }

  /** Whether another process has been given its listen socket. */
  get isPassed(): boolean {
    return this.#server?.isPassed === true
  }

  set isPassed(isPassed: boolean) {
    if (this.#server !== undefined) this.#server.isPassed = isPassed
  }

  async close(): Promise<void> {
    await this.#server?.close()
    this.#server = undefined
  }
}
