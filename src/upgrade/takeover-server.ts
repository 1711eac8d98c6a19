import { once } from 'node:events'
import { existsSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { adoptSocket, type OpenSocket } from '../acceptor/open-socket.ts'
import { listenOnOpenSocket, listenOnUnixSocket } from '../admin/unix-socket.ts'
import type { Balancer } from '../balancer.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import type { Log } from '../log/log.ts'
import { native, type PeerProcess } from '../native.ts'
import { VERSION } from '../package-info.ts'
import { nextOf } from '../pool/table-file.ts'
import { handleOf } from '../relay/handle.ts'
import { changeLines } from './changes.ts'
import { peerOf, sendDescriptors } from './descriptors.ts'
import { LineReader, writeLines } from './line-reader.ts'
import { LiveTeller } from './live-sessions.ts'
import {
  bindsOf,
  filesOf,
  type Offer,
  PROTOCOL,
  type Ready,
  read,
  readySchema,
  tableFilesOf,
  takeoverPath,
  tookSchema,
  wantSchema,
} from './messages.ts'
import { tableLines } from './tables.ts'

/** How long a successor may take from one message to the next: longer than its backends have for their first checks. */
const PATIENCE_MS = 120_000
/** How long it may take for the last words. */
const LAST_WORDS_MS = 1000
const BACKLOG = 16
const NOTHING = { listeners: [], admin: false }

export interface TakeoverServerParts {
  /** Where it waits. */
  path: string
  /** Its socket, if it is open already. */
  socket: OpenSocket | undefined
  /** The configuration that holds. */
  config: () => ResolvedConfig
  balancer: Balancer
  log: Log
}

/** Waits for a process that takes over: the side of the running one, which goes on until the other one serves. */
export class TakeoverServer {
  /** Another process serves the clients: this one is to close. */
  readonly taken: Promise<PeerProcess>
  readonly #parts: TakeoverServerParts
  readonly #server: Server
  #removeFile: (() => Promise<void>) | undefined
  #resolve: ((peer: PeerProcess) => void) | undefined
  #successor: Socket | undefined
  /** Aborted when this process is about to end. */
  readonly #over = new AbortController()
  /** Settles with the connection of the successor; never rejects. */
  #handingOver: Promise<void> = Promise.resolve()
  #isTaken = false
  /** The successor waits at the same place. */
  #isFileLeft = false

  private constructor(parts: TakeoverServerParts) {
    this.#parts = parts
    this.taken = new Promise(resolve => {
      this.#resolve = resolve
    })
    this.#server = createServer(socket => this.#connected(socket))
    this.#server.on('error', error => parts.log.error({ error: error.message }, 'the takeover socket failed'))
  }

  /** Undefined: there is no place for it, or it cannot be opened, which is told in the log. */
  static async open(parts: Omit<TakeoverServerParts, 'path'>): Promise<TakeoverServer | undefined> {
    const path = takeoverPath(parts.config().admin?.listen)
    if (path === undefined || native().os === undefined) return undefined
    const server = new TakeoverServer({ ...parts, path })
    try {
      await server.#bind()
      return server
    } catch (error) {
      await server.close()
      const { code, message } = error as NodeJS.ErrnoException
      parts.log.warn({ path, code, error: message }, 'no process will be able to take over from this one')
      return undefined
    }
  }

  /** Resolves when a successor has heard that no session is left. Never rejects. */
  async close(): Promise<void> {
    this.#over.abort()
    if (!this.#isFileLeft) await this.#removeFile?.().catch(() => undefined)
    this.#server.close()
    if (this.#isTaken) await this.#handingOver
    else this.#successor?.destroy()
  }

  async #bind(): Promise<void> {
    const { path, socket } = this.#parts
    if (socket === undefined) {
      this.#removeFile = await listenOnUnixSocket(this.#server, path)
    } else {
      adoptSocket({ bind: { kind: 'unix', path } }, socket, BACKLOG)
      this.#removeFile = await listenOnOpenSocket(this.#server, path, socket.fd)
    }
    // A successor is waited for as long as clients are served, and no longer.
    this.#server.unref()
  }

  #connected(socket: Socket): void {
    const { log } = this.#parts
    socket.on('error', () => socket.destroy())
    try {
      const peer = peerOf(socket)
      const why = this.#whyNot(peer)
      if (why === undefined) {
        this.#handingOver = this.#serve(socket, peer)
        return
      }
      log.warn({ pid: peer.pid, uid: peer.uid, why }, 'not taken over')
      socket.end(`${JSON.stringify({ refused: why })}\n`)
    } catch (error) {
      log.warn({ error: (error as Error).message }, 'not taken over')
      socket.destroy()
    }
  }

  async #serve(socket: Socket, peer: PeerProcess): Promise<void> {
    this.#successor = socket
    socket.setTimeout(PATIENCE_MS, () => socket.destroy())
    let why = 'the other process gave up'
    try {
      await this.#handOver(socket, peer)
    } catch (error) {
      why = (error as Error).message
    }
    socket.destroy()
    if (!this.#isTaken) await this.#goOn(peer, why)
    this.#successor = undefined
  }

  async #goOn({ pid }: PeerProcess, why: string): Promise<void> {
    const { balancer, config, log } = this.#parts
    balancer.leaveSockets(NOTHING)
    balancer.handOver.cancel()
    // Who was killed has left its files behind.
    for (const file of tableFilesOf(config())) {
      await rm(nextOf(file), { force: true }).catch((error: Error) =>
        log.warn({ file: nextOf(file), error: error.message }, 'a file of the other process is left behind'),
      )
    }
    log.warn({ pid, why }, 'not taken over: this process goes on')
  }

  #whyNot({ uid }: PeerProcess): string | undefined {
    if (uid !== 0 && uid !== process.geteuid?.()) return `user ${uid} may not`
    if (this.#successor !== undefined || this.#isTaken) return 'another process is taking over'
    const { status } = this.#parts.balancer
    return status === 'listening' ? undefined : `it is ${status}`
  }

  async #handOver(socket: Socket, peer: PeerProcess): Promise<void> {
    const { log } = this.#parts
    log.info({ pid: peer.pid }, 'another process is taking over')
    const reader = new LineReader(socket)
    this.#offer(socket)
    for (let line = await reader.next(); line !== undefined; line = await reader.next()) {
      const ready = read(readySchema, line)
      if (ready !== undefined) {
        await this.#leave(socket, reader, ready, peer)
        return
      }
      await writeLines(socket, this.#wanted(line, peer))
    }
  }

  #wanted(line: string, { pid }: PeerProcess): Iterable<string> | AsyncIterable<string> {
    const { balancer } = this.#parts
    switch (read(wantSchema, line)?.want) {
      case 'changes':
        return changeLines(balancer.handOver.begin(pid))
      case 'tables':
        return tableLines(balancer, false)
      case undefined:
        throw new Error('the successor does not speak as one')
    }
  }

  #offer(socket: Socket): void {
    const { balancer } = this.#parts
    const config = this.#parts.config()
    const { listeners, admin } = balancer.sockets()
    const binds = bindsOf(config)
    const own = handleOf(this.#server)?.fd ?? -1
    const offered: [Offer['sockets'][number], number][] = [...listeners].map(([name, { fd, isShared }]) => [
      { kind: 'listener', name, bind: binds.listeners.get(name) ?? '', isShared },
      fd,
    ])
    if (admin !== undefined) {
      offered.push([{ kind: 'admin', name: '', bind: binds.admin, isShared: admin.isShared }, admin.fd])
    }
    offered.push([{ kind: 'takeover', name: '', bind: binds.admin, isShared: false }, own])
    const offer: Offer = {
      limpet: 'takeover',
      protocol: PROTOCOL,
      version: VERSION,
      sockets: offered.map(([told]) => told),
      files: filesOf(config),
    }
    sendDescriptors(
      socket,
      JSON.stringify(offer),
      offered.map(([, fd]) => fd),
    )
    // Should this process be asked to stop meanwhile, the other one still has its sockets as they are.
    balancer.leaveSockets({ listeners: [...listeners.keys()], admin: admin !== undefined })
  }

  async #leave(
    socket: Socket,
    reader: LineReader,
    { listeners, admin, files }: Ready,
    peer: PeerProcess,
  ): Promise<void> {
    const { balancer, log } = this.#parts
    await writeLines(socket, tableLines(balancer, true))
    if (read(tookSchema, (await reader.next()) ?? '') === undefined) throw new Error('it has not taken everything')
    // From here on nothing may fail: the other one goes on whatever happens to this one.
    await balancer.leaveFiles()
    this.#giveWay(files)
    balancer.leaveSockets({ listeners, admin })
    this.#isTaken = true
    // It has that of the admin API, so it has the one beside it.
    this.#isFileLeft = admin
    this.#server.close()
    log.info({ pid: peer.pid }, 'taken over')
    this.#resolve?.(peer)
    // By then this process accepts nobody: whoever hears of the end of the other one's start asks that one.
    await nextTurn()
    socket.write(`${JSON.stringify({ left: true })}\n`)
    await this.#tellSessions(socket)
  }

  /**
   * The files of the other process take the place of those of this one, each in one step: should that one be killed before it
   * does so itself, a third one would find a file of the past, in use by this one as long as it has sessions.
   */
  #giveWay(files: readonly string[]): void {
    const { config, log } = this.#parts
    for (const file of tableFilesOf(config()).filter(own => files.includes(own))) {
      try {
        if (existsSync(nextOf(file))) renameSync(nextOf(file), file)
      } catch (error) {
        // The other process tries it again.
        log.warn({ file, error: (error as Error).message }, 'the file of the other process did not get its place')
      }
    }
  }

  /** Until this process ends, or the other one is gone. */
  async #tellSessions(socket: Socket): Promise<void> {
    socket.setTimeout(0)
    const teller = new LiveTeller(socket, this.#parts.balancer.handOver)
    const closed = new Promise<void>(resolve => {
      if (socket.closed) resolve()
      else socket.once('close', () => resolve())
    })
    await Promise.race([closed, aborted(this.#over.signal)])
    teller.stop()
    if (socket.closed) return
    // What it was told last; it sees the end besides.
    socket.setTimeout(LAST_WORDS_MS)
    socket.destroySoon()
    await closed
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
