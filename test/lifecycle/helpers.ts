import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { Balancer } from '../../src/balancer.ts'
import type { BalancerOptions, PoolOptions, RelayKind } from '../../src/config/options.ts'
import { resolveOptions } from '../../src/config/resolve.ts'
import type { ResolvedListener } from '../../src/config/resolved.ts'

/** Both relays; the tests of each behaviour run over both. */
export const RELAYS = ['native', 'stream'] as const satisfies readonly RelayKind[]

/** What is to be undone after a test, the last first. */
const cleanups: (() => Promise<unknown> | unknown)[] = []

export function afterTest(cleanup: () => Promise<unknown> | unknown): void {
  cleanups.push(cleanup)
}

export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}

/** A backend: a server on a free port of the loopback address, with the sockets that it has. */
export interface TestBackend {
  server: Server
  port: number
  address: string
  sockets: Set<Socket>
}

/** Serves each socket by `serve`; the default says `hello` and echoes. */
export async function startBackend(
  serve: (socket: Socket) => void = greetAndEcho,
  options: ListenOptions = { port: 0, host: '127.0.0.1' },
): Promise<TestBackend> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
    serve(socket)
  })
  server.listen(options)
  await once(server, 'listening')
  afterTest(() => stopServer(server, sockets))
  const address = server.address()
  const port = (address as AddressInfo).port
  return { server, port, address: typeof address === 'string' ? `unix:${address}` : `127.0.0.1:${port}`, sockets }
}

export function greetAndEcho(socket: Socket): void {
  socket.write('hello ')
  socket.pipe(socket)
}

export async function stopServer(server: Server, sockets: Iterable<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy()
  if (!server.listening) return
  server.close()
  await once(server, 'close')
}

/** A balancer with the one pool `p`, quiet, destroyed after the test. */
export function makeBalancer(pool: PoolOptions = {}, options: Partial<BalancerOptions> = {}): Balancer {
  const balancer = new Balancer({
    listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }],
    pools: { p: { secret: 'a secret of tests', stickTable: { size: 1000 }, ...pool } },
    log: { level: 'silent' },
    ...options,
  })
  afterTest(() => balancer.destroy())
  return balancer
}

/** Options of the one listener, served by this relay. */
export function listenBy(relay: RelayKind, maxSessions = 0): Pick<BalancerOptions, 'listeners'> {
  return { listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', relay, maxSessions }] }
}

/** A listener on a free port that says nothing else, as an acceptor takes it. */
export function plainListener(): ResolvedListener {
  const [listener] = resolveOptions({
    listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }],
    pools: { p: {} },
  }).listeners
  if (listener === undefined) throw new Error('there is no listener')
  return listener
}

/** The port of the balancer's only listener. */
export function portOf(balancer: Balancer): number {
  return (balancer.address() as AddressInfo).port
}

/** A client that is connected; from another loopback address if `localAddress` says so. */
export async function connectTo(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true })
  socket.on('error', () => socket.destroy())
  afterTest(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Everything that comes until the end; `closed` tells whether it ended with FIN (`end`) or otherwise (`reset`). */
export async function readAll(socket: Socket): Promise<{ text: string; bytes: number; closed: 'end' | 'reset' }> {
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk as Buffer))
  let closed: 'end' | 'reset' = 'reset'
  socket.once('end', () => {
    closed = 'end'
  })
  socket.resume()
  await Promise.race([once(socket, 'end'), once(socket, 'close')])
  const all = Buffer.concat(chunks)
  return { text: all.toString(), bytes: all.length, closed }
}

/** Sends a text, then FIN, and gives the whole answer. */
export async function ask(port: number, text: string, localAddress?: string): Promise<string> {
  const socket = await connectTo(port, localAddress)
  socket.end(text)
  const answer = await readAll(socket)
  return answer.text
}

/** The first bytes that come. */
export async function firstData(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  return chunk.toString()
}

/** Waits until a condition holds; the test's own timeout ends the waiting. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}

/** What a promise rejects with; fails when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string; cause?: unknown }> {
  const outcome = await promise.then(
    value => ({ value }),
    (error: Error) => ({ error }),
  )
  if ('error' in outcome) return outcome.error
  throw new Error(`it resolved, with ${JSON.stringify(outcome.value)}`)
}

/** The next error that nobody catches, which the test wants and the runner does not get. */
export async function nextUncaught(): Promise<Error> {
  const handlers = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  return await new Promise<Error>(resolve => {
    process.once('uncaughtException', error => {
      for (const handler of handlers) process.on('uncaughtException', handler)
      resolve(error)
    })
  })
}

/** The code of what a function throws; undefined when it throws nothing. */
export function thrownCode(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
  return undefined
}
