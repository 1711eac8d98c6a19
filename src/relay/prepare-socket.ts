import type { Socket } from 'node:net'
import { LimpetError } from '../errors.ts'
import { handleOf } from './handle.ts'

/**
 * Makes a socket that somebody else accepted fit for a relay.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_SOCKET_NOT_TAKEN`
 */
export function prepareSocket(socket: Socket): void {
  const why = whyNot(socket)
  if (why !== undefined) throw new LimpetError('LIMPET_ERR_SOCKET_NOT_TAKEN', `the socket cannot be balanced: ${why}`)
  // Otherwise Node would close the whole connection at the client's FIN, and lose the answer.
  socket.allowHalfOpen = true
}

function whyNot(socket: Socket): string | undefined {
  if (socket.destroyed) return 'it is closed'
  if (socket.connecting || handleOf(socket) === undefined) return 'it is not connected'
  if (socket.readableEnded || !socket.readable) return 'the client has ended it'
  if (socket.writableEnded || !socket.writable) return 'it was ended'
  if (socket.readableEncoding !== null) return 'it has an encoding, so its bytes are lost'
  const isRead = socket.readableFlowing === true || socket.listenerCount('data') + socket.listenerCount('readable') > 0
  return isRead ? 'somebody else reads from it' : undefined
}
