import type { RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Serves the requests of a connection one after the other. Those that a client sends without waiting for answers are handed
 * over all at once by Node, which keeps the answer of each until those before it are sent: a client that reads nothing would
 * have a thousand answers made. And an answer whose turn never comes because the client has gone is told nothing of that.
 */
export function oneAtATime(serve: RequestListener): RequestListener {
  /** What waits, by the connection; absent: it is served already. */
  const waiting = new WeakMap<Socket, (() => void)[]>()

  function begin(socket: Socket, start: () => void, response: ServerResponse): void {
    response.once('close', () => next(socket))
    start()
  }

  function next(socket: Socket): void {
    const following = waiting.get(socket)?.shift()
    if (following === undefined) waiting.delete(socket)
    // Nothing is sent behind an answer that was the last.
    else if (!socket.destroyed && !socket.writableEnded) following()
  }

  return (request, response) => {
    const { socket } = request
    const before = waiting.get(socket)
    const start = (): void => begin(socket, () => serve(request, response), response)
    if (before !== undefined) before.push(start)
    else {
      waiting.set(socket, [])
      start()
    }
  }
}
