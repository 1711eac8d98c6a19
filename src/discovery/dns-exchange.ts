import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { type DnsServer, serverText } from '../config/discovery.ts'
import { type DnsMessage, type DnsQuestion, encodeQuery, readMessage } from './dns-message.ts'
import { DiscoveryFailure } from './failure.ts'

/** Datagrams that are no answer, after which a server is not waited for any longer: somebody floods the socket. */
const MOST_FOREIGN = 256

interface Query {
  readonly server: DnsServer
  readonly question: DnsQuestion
  readonly signal: AbortSignal
}

/** How one exchange of one kind ends. */
interface Outcome<T> {
  done: (value: T) => void
  failed: (failure: DiscoveryFailure) => void
}

/**
 * Asks one server once: by UDP, and by TCP where the answer is longer. Each query has a socket of its own, so a random port, and a
 * random number; what does not fit both, the server and the question is passed over.
 *
 * @param timeoutMs - for both together
 * @throws {@link DiscoveryFailure}; the reason of the signal
 */
export async function ask(
  server: DnsServer,
  question: DnsQuestion,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<DnsMessage> {
  const late = AbortSignal.timeout(timeoutMs)
  const query = { server, question, signal: AbortSignal.any([signal, late]) }
  try {
    const answer = await askByUdp(query)
    return answer === 'truncated' ? await askByTcp(query) : answer
  } catch (error) {
    signal.throwIfAborted()
    if (!late.aborted) throw error
    throw new DiscoveryFailure('timeout', `${serverText(server)} did not answer within ${timeoutMs} ms`)
  }
}

function askByUdp(query: Query): Promise<DnsMessage | 'truncated'> {
  const { server, question } = query
  const socket = createSocket(server.family === 6 ? 'udp6' : 'udp4')
  const id = newId()
  let foreign = 0
  return begin<DnsMessage | 'truncated'>(
    query,
    () => socket.close(),
    ({ done, failed }) => {
      socket.on('error', error => failed(unreachable(server, error)))
      socket.on('message', bytes => {
        const answer = readOr(failed, bytes, id, question)
        if (answer === undefined) return
        if (answer !== 'foreign') done(answer)
        else if (++foreign > MOST_FOREIGN)
          failed(
            new DiscoveryFailure('malformed', `${serverText(server)} sent ${foreign} datagrams that were no answer`),
          )
      })
      // From then on the kernel drops what comes from elsewhere.
      socket.connect(server.port, server.host, () => socket.send(encodeQuery(id, question)))
    },
  )
}

function askByTcp(query: Query): Promise<DnsMessage> {
  const { server, question } = query
  const socket = connect(server.port, server.host)
  const id = newId()
  // The two bytes of the length bound what can come.
  let received = Buffer.alloc(0)
  return begin<DnsMessage>(
    query,
    () => socket.destroy(),
    ({ done, failed }) => {
      const broken = (): void => failed(new DiscoveryFailure('malformed', `${serverText(server)} broke off its answer`))
      socket.on('error', error => failed(unreachable(server, error)))
      socket.on('close', broken)
      socket.on('data', bytes => {
        received = Buffer.concat([received, bytes])
        const length = received.length < 2 ? Number.POSITIVE_INFINITY : 2 + received.readUInt16BE(0)
        if (received.length < length) return
        const answer = readOr(failed, received.subarray(2, length), id, question)
        if (answer === 'foreign' || answer === 'truncated') broken()
        else if (answer !== undefined) done(answer)
      })
      const bytes = encodeQuery(id, question)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(bytes.length)
      socket.write(Buffer.concat([length, bytes]))
    },
  )
}

/** Ends once, whatever happens later; `close` frees the socket then. */
function begin<T>({ signal }: Query, close: () => void, run: (outcome: Outcome<T>) => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let isOver = false
    const end = (settle: () => void): void => {
      if (isOver) return
      isOver = true
      signal.removeEventListener('abort', abort)
      close()
      settle()
    }
    const abort = (): void => end(() => reject(signal.reason))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    run({ done: value => end(() => resolve(value)), failed: failure => end(() => reject(failure)) })
  })
}

/** Undefined: it cannot be read, and `failed` was told. */
function readOr(
  failed: (failure: DiscoveryFailure) => void,
  bytes: Buffer,
  id: number,
  question: DnsQuestion,
): ReturnType<typeof readMessage> | undefined {
  try {
    return readMessage(bytes, id, question)
  } catch (error) {
    failed(error as DiscoveryFailure)
    return undefined
  }
}

function newId(): number {
  return randomInt(2 ** 16)
}

function unreachable(server: DnsServer, error: Error): DiscoveryFailure {
  return new DiscoveryFailure('server', `${serverText(server)} cannot be reached: ${error.message}`, error)
}
