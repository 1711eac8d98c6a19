import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenSocket } from '../acceptor/open-socket.ts'
import type { Balancer } from '../balancer.ts'
import type { OpenSockets } from '../balancer-types.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { LimpetError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { PeerProcess } from '../native.ts'
import type { SavedState } from '../state/state-file.ts'
import { readChanges } from './changes.ts'
import { peerOf, receiveDescriptors } from './descriptors.ts'
import { LineReader } from './line-reader.ts'
import { takeLive } from './live-sessions.ts'
import { matchOffer, type OfferMatch } from './match-offer.ts'
import {
  leftSchema,
  type Offer,
  type OfferedSocket,
  offerSchema,
  PROTOCOL,
  read,
  refusalSchema,
  tableFilesOf,
  takeoverPath,
} from './messages.ts'
import { importTables } from './tables.ts'

/** How long the running process may be silent when it is asked. */
const PATIENCE_MS = 30_000
/** How long a process may take to end whose connections are closed already. */
const ENDING_MS = 3000
const POLL_MS = 20

/** One attempt to take over from the running process: the side of the new one. */
export class Takeover {
  /** What is taken. */
  readonly sockets: OpenSockets
  /** The socket by which the next process will take over. */
  readonly own: OpenSocket | undefined
  /** What it keeps to itself until it leaves. */
  readonly files: readonly string[]
  /** What was changed of the backends by the admin API. */
  readonly changes: SavedState
  /** The running process. */
  readonly pid: number
  readonly #socket: Socket
  readonly #reader: LineReader
  readonly #patienceMs: number
  readonly #match: OfferMatch
  /** Files of stick tables beside which this process has new ones. */
  readonly #beside: readonly string[]
  readonly #log: Log

  private constructor({ socket, reader, offer, match, changes, config, pid, log, patienceMs }: TakeoverParts) {
    this.#socket = socket
    this.#patienceMs = patienceMs
    this.#reader = reader
    this.#match = match
    this.changes = changes
    this.#log = log
    this.files = offer.files
    this.#beside = tableFilesOf(config).filter(file => offer.files.includes(file))
    this.sockets = match.sockets
    this.own = match.takeover
    this.pid = pid
  }

  /**
   * Asks the running process for its listen sockets, and for what was changed there.
   *
   * @param patienceMs - how long it may be silent whenever it is asked
   * @returns undefined: it died, so that there is nobody to take over from
   * @throws {@link LimpetError} `LIMPET_ERR_TAKEOVER`, `LIMPET_ERR_UNSUPPORTED`
   */
  static async begin(
    config: ResolvedConfig,
    log: Log,
    patienceMs: number = PATIENCE_MS,
  ): Promise<Takeover | undefined> {
    const path = takeoverPath(config.admin?.listen)
    if (path === undefined)
      throw failure('the configuration has no admin.listen on a unix socket, beside which it waits')
    const socket = connect({ path })
    // Its first bytes come with descriptors, which `net` would drop.
    socket.pause()
    let running: PeerProcess | undefined
    try {
      await once(socket, 'connect')
      socket.on('error', () => socket.destroy())
      running = peerOf(socket)
      const asked = { socket, config, log, patienceMs }
      return await Takeover.#ask(asked, running, path)
    } catch (error) {
      const isBrokenOff = isOver(socket) || BROKEN_OFF.has((error as NodeJS.ErrnoException).code ?? '')
      socket.destroy()
      if (running === undefined || !isBrokenOff || !(await hasEnded(running.pid))) throw explained(error, path)
      log.warn({ pid: running.pid }, 'the running process died: there is nobody to take over from')
      return undefined
    }
  }

  static async #ask(asked: Asked, { pid, uid }: PeerProcess, path: string): Promise<Takeover> {
    const { socket, config, patienceMs } = asked
    const own = process.geteuid?.() ?? 0
    if (uid !== own && uid !== 0 && own !== 0) throw failure(`the process at ${path} is user ${uid}'s`)
    const { line, descriptors } = await receiveDescriptors(socket, socketsOf, patienceMs)
    const [offer, match] = matchOf(line, descriptors, config)
    const reader = new LineReader(socket)
    try {
      const changes = await patiently(socket, patienceMs, async () => {
        say(socket, { want: 'changes' })
        return await readChanges(reader)
      })
      return new Takeover({ ...asked, reader, offer, match, changes, pid })
    } catch (error) {
      for (const fd of match.used) closeSync(fd)
      throw error
    }
  }

  /** Sets the pins of the running process, as they are now. */
  async takeTables(balancer: Balancer): Promise<void> {
    await patiently(this.#socket, this.#patienceMs, async () => {
      say(this.#socket, { want: 'tables' })
      await importTables(this.#reader, balancer, false, this.#log)
    })
  }

  /** Whether the running process died before it was asked to leave: nobody serves its clients. */
  async isOrphaned(): Promise<boolean> {
    return isOver(this.#socket) && (await hasEnded(this.pid))
  }

  /**
   * Tells that this process serves: the running one leaves.
   * @throws {@link LimpetError} `LIMPET_ERR_TAKEOVER`: it does not, and goes on
   */
  async finish(balancer: Balancer): Promise<void> {
    try {
      await patiently(this.#socket, this.#patienceMs, () => this.#takeTheRest(balancer))
      void this.#follow(balancer)
    } catch (error) {
      this.#socket.destroy()
      // Nobody else serves its clients now.
      if (!(await hasEnded(this.pid))) throw error
      this.#log.warn({ pid: this.pid }, 'the process that was taken over from ended before it had told everything')
      balancer.handOver.disinherit()
    }
    balancer.leaveSockets({ listeners: [], admin: false })
    await this.#ownFiles(balancer)
  }

  async #takeTheRest(balancer: Balancer): Promise<void> {
    const { taken, isAdminTaken } = this.#match
    say(this.#socket, { ready: true, listeners: taken, admin: isAdminTaken, files: this.#beside })
    await importTables(this.#reader, balancer, true, this.#log)
    say(this.#socket, { took: true })
    const line = await this.#reader.next()
    if (line === undefined || read(leftSchema, line) === undefined) throw failure('the running process did not leave')
  }

  /** Hears of the sessions of the other process, until it has ended. */
  async #follow(balancer: Balancer): Promise<void> {
    this.#socket.unref()
    for (let line = await this.#reader.next(); line !== undefined; line = await this.#reader.next()) {
      takeLive(balancer.handOver, line)
    }
    this.#socket.destroy()
    balancer.handOver.disinherit()
    this.#log.info({ pid: this.pid }, 'the process that was taken over from has ended')
  }

  /** It serves by now: that must not end. */
  async #ownFiles(balancer: Balancer): Promise<void> {
    try {
      await balancer.ownFiles()
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      this.#log.error({ code, error: message }, 'a file was not taken over: a restart would forget what it should keep')
    }
  }

  /** Gives up: the running process goes on. */
  abandon(): void {
    this.#socket.destroy()
  }
}

/** What is asked, and for whom. */
interface Asked {
  socket: Socket
  config: ResolvedConfig
  log: Log
  patienceMs: number
}

/** What is known after the first answers. */
interface TakeoverParts extends Asked {
  reader: LineReader
  offer: Offer
  match: OfferMatch
  changes: SavedState
  pid: number
}

/** The other side has ended the connection. */
function isOver(socket: Socket): boolean {
  return socket.readableEnded || socket.destroyed
}

function say(socket: Socket, message: object): void {
  socket.write(`${JSON.stringify(message)}\n`)
}

/** Asks, and ends the connection when the other side is silent for too long. */
async function patiently<T>(socket: Socket, patienceMs: number, ask: () => Promise<T>): Promise<T> {
  const giveUp = (): unknown => socket.destroy()
  socket.setTimeout(patienceMs, giveUp)
  try {
    return await ask()
  } finally {
    socket.off('timeout', giveUp)
    socket.setTimeout(0)
  }
}

function socketsOf(line: string): number {
  return read(offerSchema, line)?.sockets.length ?? 0
}

function matchOf(line: string, descriptors: readonly number[], config: ResolvedConfig): [Offer, OfferMatch] {
  try {
    const offer = offerOf(line)
    const offered = offer.sockets.map((socket, at): [OfferedSocket, number] => [socket, descriptors[at] ?? -1])
    const match = matchOffer(offered, config)
    for (const fd of match.unused) closeSync(fd)
    return [offer, match]
  } catch (error) {
    for (const fd of descriptors) closeSync(fd)
    throw error
  }
}

function offerOf(line: string): Offer {
  const refusal = read(refusalSchema, line)
  if (refusal !== undefined) throw failure(`the running process refuses: ${refusal.refused}`)
  const offer = read(offerSchema, line)
  if (offer === undefined) throw failure('what answers is no limpet, or one of another time')
  if (offer.protocol !== PROTOCOL) throw failure(`version ${offer.version} runs, which hands over in another way`)
  return offer
}

function failure(why: string, cause?: unknown): LimpetError {
  return new LimpetError('LIMPET_ERR_TAKEOVER', `cannot take over from the running process: ${why}`, { cause })
}

/** Of a connection that the other side has ended. */
const BROKEN_OFF = new Set(['ECONNRESET', 'EPIPE'])
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED'])

/** System errors in words. */
function explained(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof LimpetError || code === undefined) return error
  if (NOBODY.has(code)) return failure(`nobody waits at ${path} (${code}); start without --takeover`, error)
  if (code === 'ETIMEDOUT') return failure(`it does not answer at ${path}`, error)
  return failure(`${path}: ${code}`, error)
}

/** Whether a process is gone, or goes in the next moments. */
async function hasEnded(pid: number): Promise<boolean> {
  const deadline = performance.now() + ENDING_MS
  while (isAlive(pid)) {
    if (performance.now() > deadline) return false
    await sleep(POLL_MS)
  }
  return true
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
