import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { answerOf, FAULT } from './errors.ts'
import { LIMITS, TIMES } from './limits.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { requestError, type Security } from './security.ts'

/** Headers of every answer: nobody keeps it, and no page shows it as something else than it is. */
const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

/** Status and message for errors of Node's server. */
const NO_HTTP: Readonly<Record<string, [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not come in time'],
  HPE_HEADER_OVERFLOW: [431, `the headers have more than ${LIMITS.headers} bytes`],
}

/** Node's server with the bounds of {@link LIMITS}; nothing reaches `serve` that has not passed the checks. */
export function createHttpServer(security: Security, serve: RequestListener): Server {
  const server = createServer(
    {
      maxHeaderSize: LIMITS.headers,
      headersTimeout: TIMES.headers,
      requestTimeout: TIMES.request,
      keepAliveTimeout: TIMES.keepAlive,
      connectionsCheckingInterval: TIMES.check,
      keepAlive: true,
      keepAliveInitialDelay: TIMES.idle,
    },
    oneAtATime(guarded(security, serve)),
  )
  server.maxConnections = LIMITS.connections
  server.maxRequestsPerSocket = LIMITS.requestsPerConnection
  server.timeout = TIMES.idle
  server.on('clientError', refuseNoHttp)
  return server
}

function guarded(security: Security, serve: RequestListener): RequestListener {
  return (request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    try {
      security.check(request)
    } catch (error) {
      refuse(response, error)
      return
    }
    serve(request, response)
  }
}

/** What is no HTTP, or takes too long, or is too long before it is any. */
function refuseNoHttp(error: NodeJS.ErrnoException, socket: Duplex): void {
  const [status, message] = NO_HTTP[error.code ?? ''] ?? [400, 'this is no request of HTTP/1.1']
  // Behind an answer that was begun it would be taken for a part of that.
  if (socket.writable && (socket as Socket).bytesWritten === 0) {
    const body = JSON.stringify(answerOf(requestError(status, message))?.body)
    const head = ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`, 'connection: close']
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('\r\n')}\r\n\r\n${body}`)
  }
  socket.destroy()
}

function refuse(response: ServerResponse<IncomingMessage>, error: unknown): void {
  const { status, headers, body } = answerOf(error) ?? FAULT
  // What else comes on this connection is not looked at, a body least of all.
  response.writeHead(status, { ...headers, 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify(body))
}
