import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, ListenOptions } from 'node:net'
import { getRequestListener, RequestError } from '@hono/node-server'
import { adoptSocket, type OpenSocket } from '../acceptor/open-socket.ts'
import type { Balancer } from '../balancer.ts'
import type { ListenAddress } from '../config/address.ts'
import type { ResolvedAdmin } from '../config/resolved.ts'
import type { Log } from '../log/log.ts'
import { Metrics } from '../metrics/metrics.ts'
import { handleOf } from '../relay/handle.ts'
import type { SessionFeed } from '../relay/session-feed.ts'
import type { ReloadResult } from '../reload/result.ts'
import { createApp } from './app.ts'
import { mountDashboard } from './assets.ts'
import { DASHBOARD_PATHS } from './dashboard.ts'
import { answerOf, FAULT } from './errors.ts'
import { EventFeed } from './event-feed.ts'
import { createHttpServer } from './http-server.ts'
import { LastingTurns } from './lasting-turns.ts'
import { ROUTES } from './routes/index.ts'
import { requestError, Security } from './security.ts'
import { SessionStream } from './session-stream.ts'
import { listenOnOpenSocket, listenOnUnixSocket } from './unix-socket.ts'

/** What is needed to open an admin API. */
export interface AdminParts {
  settings: ResolvedAdmin
  /** Its socket, if it is open already. */
  socket?: OpenSocket | undefined
  /** The file of the configuration, if there is one. */
  file: string | undefined
  balancer: Balancer
  /** Told of every session. */
  sessions: SessionFeed
  log: Log
  /** Reads the configuration again and applies it; undefined: that cannot be done. */
  reload: (() => Promise<ReloadResult>) | undefined
  /** Resolves when changes that were made are kept for the next start. */
  kept: () => Promise<void>
}

/** Clients that may wait to be accepted: the default of `net`. */
const BACKLOG = 511

/** The HTTP server of the admin API. Whatever happens to it once it is open is logged, and harms nothing else. */
export class AdminServer {
  readonly #listen: ListenAddress
  readonly #log: Log
  readonly #server: Server
  readonly #feed: EventFeed
  readonly #sessions: SessionStream
  /** Set while another process has been given its socket: closing leaves it, and its file, to that one. */
  isPassed = false
  #isShared = false
  /** Of a unix socket. */
  #removeFile: (() => Promise<void>) | undefined

  private constructor({ settings, file, balancer, sessions, log, reload, kept }: AdminParts) {
    this.#listen = settings.listen
    this.#log = log
    this.#feed = new EventFeed(balancer)
    this.#sessions = new SessionStream(sessions)
    const metrics = new Metrics(balancer)
    const turns = new LastingTurns(kept)
    const api = { balancer, file, feed: this.#feed, sessions: this.#sessions, metrics, turns, reload }
    const app = createApp(ROUTES, api, log)
    mountDashboard(app)
    const open = [...ROUTES.filter(({ isOpen }) => isOpen === true).map(({ path }) => path), ...DASHBOARD_PATHS]
    const serve = getRequestListener(app.fetch, {
      // Otherwise it would replace the Request and Response of the whole program.
      overrideGlobalObjects: false,
      errorHandler: error => this.#answer(error),
    })
    this.#server = createHttpServer(new Security(settings, open, log), serve)
  }

  /**
   * Opens it.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_BAD_ADDRESS`: the path of the socket is too long
   * @throws errors of `net`, `dns` and `fs`, with `isAdmin`
   */
  static async open(parts: AdminParts): Promise<AdminServer> {
    const server = new AdminServer(parts)
    try {
      await server.#bind(parts.socket)
    } catch (error) {
      await server.close()
      throw Object.assign(error as Error, { isAdmin: true })
    }
    parts.log.info({ address: server.#addressText() }, 'admin API listening')
    return server
  }

  /** As `net.Server#address()`; null while it is not open. */
  address(): AddressInfo | string | null {
    if (!this.#server.listening) return null
    // The server knows the path by which it was bound first.
    return this.#listen.kind === 'unix' ? this.#listen.path : this.#server.address()
  }

  /** At once: ends every connection. Never rejects. */
  async close(): Promise<void> {
    this.#feed.close()
    this.#sessions.close()
    // While the socket is open nobody can have been given the number of its file.
    if (!this.isPassed && !this.#isShared) await this.#removeFile?.().catch(error => this.#failed(error))
    if (this.#server.listening) {
      const closed = once(this.#server, 'close')
      this.#server.close()
      this.#server.closeAllConnections()
      await closed
    }
  }

  /** As {@link Balancer.sockets} tells it; undefined: it is not open. */
  socket(): OpenSocket | undefined {
    const fd = this.#server.listening ? (handleOf(this.#server)?.fd ?? -1) : -1
    return fd < 0 ? undefined : { fd, isShared: this.#isShared }
  }

  async #adopt(socket: OpenSocket): Promise<void> {
    const listen = this.#listen
    adoptSocket({ bind: listen }, socket, BACKLOG)
    this.#isShared = socket.isShared
    this.isPassed = socket.isBorrowed === true
    if (listen.kind === 'unix') {
      this.#removeFile = await listenOnOpenSocket(this.#server, listen.path, socket.fd)
      return
    }
    this.#server.listen({ fd: socket.fd, exclusive: true } as ListenOptions)
    await once(this.#server, 'listening')
  }

  async #bind(socket: OpenSocket | undefined): Promise<void> {
    const listen = this.#listen
    if (socket !== undefined) await this.#adopt(socket)
    else if (listen.kind === 'unix') this.#removeFile = await listenOnUnixSocket(this.#server, listen.path)
    else {
      const host =
        listen.kind === 'any' ? {} : { host: listen.host, ipv6Only: listen.kind === 'ip' && listen.family === 6 }
      // Workers of a cluster would share one socket, and each knows only its own sessions.
      this.#server.listen({ port: listen.port, ...host, exclusive: true })
      await once(this.#server, 'listening')
    }
    this.#server.on('error', error => this.#failed(error))
  }

  /** What goes wrong before a request has reached the routes. */
  #answer(error: unknown): Response {
    const isTarget = error instanceof RequestError
    if (!isTarget) this.#failed(error as Error)
    const told = isTarget ? answerOf(requestError(400, 'the target of a request is a path of ASCII characters')) : FAULT
    const { status, headers, body } = told ?? FAULT
    return Response.json(body, { status, headers: { ...headers } })
  }

  #failed(error: Error): void {
    this.#log.error({ error: error.message }, 'the admin API failed')
  }

  #addressText(): string {
    const address = this.address()
    if (typeof address === 'string') return `unix:${address}`
    const { address: host = '', port = 0 } = address ?? {}
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  }
}
