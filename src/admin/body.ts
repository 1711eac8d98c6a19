import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { resolvePart } from '../config/resolve.ts'
import { LIMITS } from './limits.ts'
import { requestError } from './security.ts'

/**
 * Reads the body of a request as JSON; undefined: there is none.
 *
 * @throws {@link AdminError} 413: it is too long; 400: it is no JSON
 */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBytes(request)
  if (bytes.length === 0) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown
  } catch {
    // What is wrong is the client's text, which its own parser can tell.
    throw requestError(400, 'the body is no JSON in UTF-8')
  }
}

/**
 * The same, checked by a schema.
 *
 * @throws {@link AdminError} as {@link readBody}; {@link LimpetConfigError} with everything that is wrong
 */
export async function checkedBody<T>(request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
  return resolvePart(schema, await readBody(request))
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > LIMITS.body) throw tooLong()
  const chunks: Buffer[] = []
  let length = 0
  try {
    // Otherwise whoever sends too much would not get the answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > LIMITS.body) break
      chunks.push(chunk)
    }
  } catch {
    // The client has gone, and nobody reads the answer.
    throw requestError(400, 'the body ended too early')
  }
  if (length > LIMITS.body) throw tooLong()
  return Buffer.concat(chunks, length)
}

function tooLong() {
  return requestError(413, `the body has more than ${LIMITS.body} bytes`, { connection: 'close' })
}
