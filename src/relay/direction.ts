import type { Socket } from 'node:net'
import type { ByteFilter } from '../cookies/byte-filter.ts'
import { isTruncated, rawOf } from '../tls/wire.ts'
import { handleKind, handleOf } from './handle.ts'

/** Who is told what happens in one direction of a session. */
export interface DirectionEvents {
  /** Bytes came. */
  received(bytes: Buffer): void
  /** So many bytes were given to the system. */
  passedOn(bytes: number): void
  /** The end was passed on, after the last byte. */
  ended(): void
  /** The connection that was read from is broken. */
  broken(): void
}

/**
 * Carries the bytes of one direction, with backpressure; `from` may hold bytes that were already read.
 *
 * @param filter - changes them on their way; undefined: they go as they are
 */
export function carry(from: Socket, to: Socket, events: DirectionEvents, filter?: ByteFilter): void {
  const write = (bytes: Buffer): boolean =>
    to.write(bytes, error => {
      if (!error) events.passedOn(bytes.length)
    })
  from.on('data', (chunk: Buffer) => {
    events.received(chunk)
    const bytes = filter === undefined ? chunk : filter.push(chunk)
    if (bytes.length > 0 && !write(bytes)) from.pause()
  })
  to.on('drain', () => from.resume())
  to.once('finish', () => events.ended())
  // `net` tells the end of a connection without bytes even while the socket is paused.
  const end = (): void => {
    if (isBroken(from)) {
      events.broken()
      return
    }
    const rest = filter?.end()
    if (rest !== undefined && rest.length > 0) write(rest)
    to.end()
  }
  if (from.readableEnded) end()
  else from.once('end', end).resume()
}

/**
 * libuv reports a reset that comes right behind bytes as an end, but a connection that was reset has no peer any more.
 * Neither has one of which both sides have ended, so this is asked only while the own side has not.
 */
export function isBroken(socket: Socket): boolean {
  if (isTruncated(socket)) return true
  if (socket.writableEnded) return false
  const status = handleOf(socket)?.getpeername?.({}) ?? 0
  return status !== 0 && handleKind(socket) === 'TCP'
}

/** One side has sent what the other one has not got. */
export function hasMore(from: Socket | undefined, to: Socket | undefined, filter: ByteFilter | undefined): boolean {
  return (from?.readableLength ?? 0) > 0 || (to?.writableLength ?? 0) > 0 || filter?.isHolding === true
}

/** Resets the connection where that can be; otherwise (unix sockets, TLS sockets that were made elsewhere) closes it. */
export function reset(socket: Socket): void {
  // resetAndDestroy() would first write what waits, for as long as that takes. And libuv resets nothing that waits for its
  // shutdown, which is asked for when nothing is left to be written; Node takes that for done, and can then never end.
  const isShutting = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0
  const raw = rawOf(socket) ?? socket
  if (handleKind(raw) === 'TCP' && !isShutting) Object.assign(raw, { resetAndClosing: true })
  socket.destroy()
}
