import { closeSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { LimpetError, systemError } from '../errors.ts'
import { type NativeOs, native, type PeerProcess } from '../native.ts'
import { handleOf } from '../relay/handle.ts'

/** Of one message: `kMostDescriptors` of `native/os/descriptors.h`. */
const MOST_AT_ONCE = 253
const POLL_MS = 5
const BUFFER_BYTES = 64 * 1024

/** @throws {@link LimpetError} `LIMPET_ERR_UNSUPPORTED` */
function os(): NativeOs {
  const found = native().os
  if (found !== undefined) return found
  throw new LimpetError('LIMPET_ERR_UNSUPPORTED', `a process cannot take over from another one on ${process.platform}`)
}

function fdOf(socket: Socket): number {
  return handleOf(socket)?.fd ?? -1
}

/**
 * Who is at the other side of a unix socket.
 *
 * @throws a system error: the connection has ended
 */
export function peerOf(socket: Socket): PeerProcess {
  const peer = os().peer(fdOf(socket))
  if (typeof peer === 'number') throw systemError(peer, 'getsockopt')
  return peer
}

/**
 * Sends a line with copies of descriptors, over a connection to which nothing was written before.
 *
 * @throws a system error
 */
export function sendDescriptors(socket: Socket, line: string, descriptors: readonly number[]): void {
  const fd = fdOf(socket)
  const text = Buffer.from(`${line}\n`)
  const first = descriptors.slice(0, MOST_AT_ONCE)
  const sent = os().send(fd, text, Uint32Array.from(first))
  if (sent < 0) throw systemError(sent, 'sendmsg')
  if (sent < text.length) throw systemError(TOO_LONG, 'sendmsg')
  // Line feeds carry the others.
  for (let at = MOST_AT_ONCE; at < descriptors.length; at += MOST_AT_ONCE) {
    const more = os().send(fd, Buffer.from('\n'), Uint32Array.from(descriptors.slice(at, at + MOST_AT_ONCE)))
    if (more < 0) throw systemError(more, 'sendmsg')
  }
}

/** -EMSGSIZE */
const TOO_LONG = -90

/** What came with the first line of a connection. */
export interface ReceivedLine {
  line: string
  /** Close what is not used. */
  descriptors: number[]
}

/**
 * Receives a line and the descriptors that it announces, over a connection that is paused and was never read.
 *
 * @param count - how many descriptors a line announces
 * @throws a system error, `ETIMEDOUT`, or `ECONNRESET`: the connection has ended; descriptors are closed then
 */
export async function receiveDescriptors(
  socket: Socket,
  count: (line: string) => number,
  timeoutMs: number,
): Promise<ReceivedLine> {
  const receiver = new Receiver(fdOf(socket))
  const deadline = performance.now() + timeoutMs
  try {
    for (;;) {
      receiver.receive()
      const found = receiver.found(count)
      if (found !== undefined) return found
      if (performance.now() > deadline) throw systemError(TIMED_OUT, 'recvmsg')
      await sleep(POLL_MS)
    }
  } catch (error) {
    for (const fd of receiver.descriptors) closeSync(fd)
    throw error
  }
}

const TIMED_OUT = -110
const RESET = -104
const AGAIN = -11

class Receiver {
  readonly descriptors: number[] = []
  readonly #fd: number
  #bytes = Buffer.alloc(0)
  readonly #into = Buffer.alloc(BUFFER_BYTES)
  readonly #words = new Uint32Array(MOST_AT_ONCE)
  readonly #count = new Uint32Array(1)

  constructor(fd: number) {
    this.#fd = fd
  }

  /** What is there. */
  receive(): void {
    const bytes = os().receive(this.#fd, this.#into, this.#words, this.#count)
    if (bytes === AGAIN) return
    if (bytes <= 0) throw systemError(bytes === 0 ? RESET : bytes, 'recvmsg')
    this.descriptors.push(...this.#words.subarray(0, this.#count[0]))
    this.#bytes = Buffer.concat([this.#bytes, this.#into.subarray(0, bytes)])
  }

  found(count: (line: string) => number): ReceivedLine | undefined {
    const end = this.#bytes.indexOf(0x0a)
    if (end < 0) return undefined
    const line = this.#bytes.subarray(0, end).toString()
    if (this.descriptors.length < count(line)) return undefined
    return { line, descriptors: this.descriptors }
  }
}
