import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { clientAddress, type Dial } from '../../helpers/net.ts'
import { within } from '../../helpers/wait.ts'

/** Who comes, and for the how manieth time. */
export interface Visit {
  client: number
  visit: number
  /** What it keeps from visit to visit. */
  memory: Memory
}

export interface Memory {
  cookies: Map<string, string>
  session?: Buffer
}

/** Comes once; gives the name of the server. */
export type Come = (to: Dial, visit: Visit) => Promise<string>

/** Always the same address, or another one with every visit. */
const homeAddress = ({ client }: Visit): string => clientAddress(client)
const otherAddress = ({ client, visit }: Visit): string => clientAddress(1000 + visit * 100 + client)

/** Another address of the same /24. */
export const neighbour = ({ client, visit }: Visit): string => clientAddress(client * 256 + visit)

export const byAddress: Come = async (to, visit) => await named(await open(to, homeAddress(visit)))

/** First bytes by which the client is known, whatever its address. */
export function byHead(head: (client: number) => Buffer): Come {
  return async (to, visit) => {
    const socket = await open(to, otherAddress(visit))
    socket.write(head(visit.client))
    return await named(socket)
  }
}

/** TLS with a server name, or with the session of before. */
export const byServerName: Come = async (to, visit) =>
  await named(await handshake(to, visit, { servername: `client-${visit.client}.example` }))

export const byTlsSession: Come = async (to, visit) => {
  const { memory } = visit
  const options = memory.session === undefined ? {} : { session: memory.session }
  const socket = await handshake(to, visit, { ...options, maxVersion: 'TLSv1.2' })
  const session = socket.getSession()
  if (session !== undefined) memory.session = session
  return await named(socket)
}

/** A request of HTTP/1.1, with what the client has of cookies; `lines`: more of its head. */
export function byRequest({ path = () => '/', lines = () => [], from = otherAddress }: HttpParts = {}): Come {
  return async (to, visit) => {
    const { client, memory } = visit
    const socket = await open(to, from(visit))
    const cookies = [...memory.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const head = [`GET ${path(client)} HTTP/1.1`, 'Host: a.example', 'Connection: close', ...lines(client)]
    if (cookies !== '') head.push(`Cookie: ${cookies}`)
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    const answer = await text(socket)
    for (const [, name = '', value = ''] of answer.matchAll(/^set-cookie: ([^=]+)=([^;\r]*)/gim)) {
      memory.cookies.set(name, value)
    }
    const [, body = ''] = answer.split('\r\n\r\n')
    const [name] = /^[abc]$/m.exec(body) ?? []
    if (name === undefined) throw new Error(`no server was named: ${JSON.stringify(answer)}`)
    return name
  }
}

interface HttpParts {
  path?: (client: number) => string
  lines?: (client: number) => string[]
  from?: (visit: Visit) => string
}

/** Behind a balancer that tells the client's address by the PROXY protocol. */
export const byProxyHeader: Come = async (to, visit) => {
  const socket = await open(to, otherAddress(visit))
  socket.write(`PROXY TCP4 192.0.2.${visit.client + 1} 198.51.100.1 ${20_000 + visit.visit} 80\r\n`)
  return await named(socket)
}

async function open({ host = '127.0.0.1', port = 0 }: Dial, localAddress: string): Promise<Socket> {
  const socket = connect({ host, port, localAddress })
  await within('a connection', once(socket, 'connect'))
  return socket
}

async function handshake(to: Dial, visit: Visit, options: object): Promise<TLSSocket> {
  const raw = await open(to, otherAddress(visit))
  const socket = connectTls({ socket: raw, rejectUnauthorized: false, ...options })
  await within('a handshake', once(socket, 'secureConnect'))
  return socket
}

async function named(socket: Socket): Promise<string> {
  const said = (await text(socket)).trim()
  if (!/^[abc]$/.test(said)) throw new Error(`no server was named: ${JSON.stringify(said)}`)
  return said
}

async function text(socket: Socket): Promise<string> {
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part))
  await within('an answer', once(socket, 'end'))
  socket.destroy()
  return Buffer.concat(parts).toString('latin1')
}
