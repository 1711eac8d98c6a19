import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { ResolvedHealth } from '../../config/resolved.ts'
import { type Check, CheckFailure, type CheckTarget, LATE } from '../check.ts'
import { dial } from '../dial.ts'

const MOST_BODY_BYTES = 64 * 1024
/** Headers of an answer past this are an error of the parser. */
const MOST_HEADER_BYTES = 16 * 1024

/** A GET whose status, and body if one is wanted, are as they should be. */
export function httpCheck({ http, tls }: Pick<ResolvedHealth, 'http' | 'tls'>): Check {
  const isWell = statusTest(http.status)
  const send = tls === undefined ? requestHttp : requestHttps
  return async (target, signal) => {
    const options: RequestOptions = {
      // Without an agent: a connection for each check.
      createConnection: () => dial(target, tls),
      path: http.path,
      maxHeaderSize: MOST_HEADER_BYTES,
      headers: { host: http.host ?? hostOf(target), 'user-agent': 'limpet', connection: 'close' },
      signal,
    }
    await new Promise<void>((resolve, reject) => {
      const fail = (error: unknown): void => {
        const isLate = signal.aborted && !(error instanceof CheckFailure)
        reject(isLate ? new CheckFailure(LATE) : CheckFailure.of(error))
      }
      const request = send(options, answer => {
        judge(answer, isWell, http.body)
          .then(resolve, fail)
          .finally(() => request.destroy())
      })
      // Without a listener Node destroys the socket of an answer 101 and says nothing.
      request.on('upgrade', (answer, socket) => {
        socket.destroy()
        judge(answer, isWell, undefined).then(resolve, fail)
      })
      request.on('error', fail)
      request.end()
    })
  }
}

async function judge(answer: IncomingMessage, isWell: (status: number) => boolean, wanted?: string): Promise<void> {
  const { statusCode = 0 } = answer
  if (!isWell(statusCode)) throw new CheckFailure(`status ${statusCode}`)
  if (wanted === undefined) return
  let body = Buffer.alloc(0)
  for await (const chunk of answer) {
    body = Buffer.concat([body, chunk as Buffer])
    if (body.includes(wanted)) return
    if (body.length >= MOST_BODY_BYTES) break
  }
  throw new CheckFailure(`the answer does not hold ${JSON.stringify(wanted)}`)
}

function statusTest(ranges: string): (status: number) => boolean {
  const parts = ranges.split(',').map(range => {
    const [from = '', to = from] = range.split('-')
    return { from: Number(from), to: Number(to) }
  })
  return status => parts.some(({ from, to }) => status >= from && status <= to)
}

function hostOf({ endpoint, hostName }: CheckTarget): string {
  if (endpoint.kind === 'unix') return 'localhost'
  if (hostName !== undefined) return `${hostName}:${endpoint.port}`
  return endpoint.kind === 'ip' && endpoint.family === 6
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`
}
