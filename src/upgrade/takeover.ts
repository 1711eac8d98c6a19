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
import { peerOf, receiveDescriptors } from './descriptors.ts'
import { LineReader } from './line-reader.ts'
import { matchOffer, type OfferMatch } from './match-offer.ts'
import {
  leftSchema,
  type Offer,
  type OfferedSocket,
  offerSchema,
  PROTOCOL,
  read,
  refusalSchema,
  takeoverPath,
} from './messages.ts'
import { importTables } from './tables.ts'

/** How long the running process may take for its offer. */
const OFFER_MS = 10_000
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
  /** The running process. */
  readonly pid: number
  readonly #socket: Socket
  readonly #reader: LineReader
  readonly #match: OfferMatch
  readonly #log: Log

  private constructor(socket: Socket, offer: Offer, match: OfferMatch, pid: number, log: Log) {
    this.#socket = socket
    this.#reader = new LineReader(socket)
    this.#match = match
    this.#log = log
    this.files = offer.files
    this.sockets = match.sockets
    this.own = match.takeover
    this.pid = pid
  }

  /**
   * Asks the running process for its listen sockets.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_TAKEOVER`, `LIMPET_ERR_UNSUPPORTED`
   */
  static async begin(config: ResolvedConfig, log: Log): Promise<Takeover> {
    const path = takeoverPath(config.admin?.listen)
    if (path === undefined)
      throw failure('the configuration has no admin.listen on a unix socket, beside which it waits')
    const socket = connect({ path })
    // Its first bytes come with descriptors, which `net` would drop.
    socket.pause()
    try {
      await once(socket, 'connect')
      socket.on('error', () => socket.destroy())
      const { pid, uid } = peerOf(socket)
      const own = process.geteuid?.() ?? 0
      if (uid !== own && uid !== 0 && own !== 0) throw failure(`the process at ${path} is user ${uid}'s`)
      const { line, descriptors } = await receiveDescriptors(socket, socketsOf, OFFER_MS)
      const [offer, match] = matchOf(line, descriptors, config)
      return new Takeover(socket, offer, match, pid, log)
    } catch (error) {
      socket.destroy()
      throw explained(error, path)
    }
  }

  /** Sets the pins of the running process, as they are now. */
  async takeTables(balancer: Balancer): Promise<void> {
    this.#say({ want: 'tables' })
    await importTables(this.#reader, balancer, false, this.#log)
  }

  /**
   * Tells that this process serves: the running one leaves.
   *
   * @throws {@link LimpetError} `LIMPET_ERR_TAKEOVER`: it does not, and goes on
   */
  async finish(balancer: Balancer): Promise<void> {
    const { taken, isAdminTaken } = this.#match
    this.#say({ ready: true, listeners: taken, admin: isAdminTaken })
    try {
      await importTables(this.#reader, balancer, true, this.#log)
      const line = await this.#reader.next()
      if (line === undefined || read(leftSchema, line) === undefined) throw failure('the running process did not leave')
    } catch (error) {
      // Nobody else serves its clients now.
      if (!(await hasEnded(this.pid))) throw error
      this.#log.warn({ pid: this.pid }, 'the process that was taken over from ended before it had told everything')
    } finally {
      this.#socket.destroy()
    }
    balancer.leaveSockets({ listeners: [], admin: false })
    await this.#ownFiles(balancer)
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

  #say(message: object): void {
    this.#socket.write(`${JSON.stringify(message)}\n`)
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
