import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Balancer } from '../../src/balancer.ts'
import type { ListenOptions } from '../../src/balancer-types.ts'
import type { AdminOptions, BalancerOptions, PoolOptions } from '../../src/config/options.ts'
import { Directory } from '../helpers/directory.ts'
import { within } from '../helpers/wait.ts'
import { afterTest, makeBalancer } from '../lifecycle/helpers.ts'

export const TOKEN = 'a-token-of-tests'
/** Addresses where nobody listens; backends that no test connects to. */
export const BACKENDS = [
  { name: 'a', address: '127.0.0.1:9' },
  { name: 'b', address: '127.0.0.1:10', weight: 2 },
]

/** Where an admin API listens. */
export type AdminDial = { socketPath: string } | { host: string; port: number; localAddress?: string }

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  text: string
}

/** What of a request is not as usual. */
export interface Asked {
  /** Sent as JSON, with its content type. */
  body?: unknown
  /** Sent as it is. */
  raw?: string | Buffer
  headers?: Record<string, string | string[]>
}

/** A client of an admin API, with one connection for each request. */
export class AdminClient {
  readonly dial: AdminDial
  readonly #token: string | undefined

  constructor(dial: AdminDial, token?: string) {
    this.dial = dial
    this.#token = token
  }

  async ask(method: string, path: string, asked: Asked = {}): Promise<Answer> {
    const sent = this.send(method, path, asked)
    const [response] = (await within(`${method} ${path}`, once(sent, 'response'))) as [IncomingMessage]
    const { statusCode = 0, headers } = response
    return { status: statusCode, headers, text: await text(response) }
  }

  /** The answer's JSON, which is of status 200 or 201. */
  async json(method: string, path: string, asked: Asked = {}): Promise<unknown> {
    const { status, text } = await this.ask(method, path, asked)
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`)
    return JSON.parse(text)
  }

  /** Status and code of what must be refused. */
  async refusal(method: string, path: string, asked: Asked = {}): Promise<[number, string]> {
    const { status, text } = await this.ask(method, path, asked)
    return [status, (JSON.parse(text) as { error: { code: string } }).error.code]
  }

  send(method: string, path: string, { body, raw, headers = {} }: Asked = {}): ClientRequest {
    const bytes = raw ?? (body === undefined ? undefined : JSON.stringify(body))
    const sent = request({
      ...this.dial,
      method,
      path,
      agent: false,
      headers: {
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(bytes === undefined ? {} : { 'content-length': String(Buffer.byteLength(bytes)) }),
        ...headers,
      },
    })
    // A connection that is cut while the answer is there already is no failure of the test.
    sent.on('error', () => undefined)
    sent.end(bytes)
    return sent
  }

  /** A connection on which a test says what it likes. */
  async connect(): Promise<Socket> {
    const socket = connect('socketPath' in this.dial ? { path: this.dial.socketPath } : this.dial)
    socket.on('error', () => socket.destroy())
    afterTest(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
}

/** Where the admin API of a balancer listens. */
export function dialOf(balancer: Balancer): AdminDial {
  const address = balancer.adminAddress()
  if (typeof address === 'string') return { socketPath: address }
  return { host: '127.0.0.1', port: (address as AddressInfo).port }
}

/** Options of a balancer with an admin API. */
export interface AdminSetting {
  admin?: AdminOptions
  pool?: PoolOptions
  options?: Partial<BalancerOptions>
  listen?: ListenOptions
}

/** A path for the socket of one test. */
export async function socketPath(): Promise<string> {
  const directory = await Directory.make()
  afterTest(() => directory[Symbol.asyncDispose]())
  return directory.file('admin.sock')
}

/** A balancer that listens, with its admin API on a unix socket, and a client of that. */
export async function openAdmin(setting: AdminSetting = {}): Promise<{ balancer: Balancer; client: AdminClient }> {
  const admin = { listen: `unix:${await socketPath()}`, ...setting.admin }
  const balancer = makeBalancer({ backends: BACKENDS, ...setting.pool }, { ...setting.options, admin })
  await balancer.listen(setting.listen)
  return { balancer, client: new AdminClient(dialOf(balancer), admin.token === undefined ? undefined : TOKEN) }
}

/** The same on a free port of the loopback address, with a token. */
export async function openAdminOnTcp(setting: AdminSetting = {}): Promise<{ balancer: Balancer; client: AdminClient }> {
  return await openAdmin({ ...setting, admin: { listen: '127.0.0.1:0', token: TOKEN, ...setting.admin } })
}

/** One server-sent event. */
export interface ServerSent {
  event: string
  /** The number at the end of its id. */
  id: number
  data: unknown
}

/** A reader of the event stream. */
export class EventReader {
  readonly response: IncomingMessage
  /** Id of the last event that came. */
  lastId = ''
  readonly #events: ServerSent[] = []
  #rest = ''

  private constructor(response: IncomingMessage) {
    this.response = response
    response.on('error', () => undefined)
    response.setEncoding('utf8').on('data', (chunk: string) => this.#take(chunk))
  }

  /** `lastId`: of the last event that it has. */
  static async open(client: AdminClient, path = '/v1/events', lastId?: string): Promise<EventReader> {
    const headers: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId }
    const sent = client.send('GET', path, { headers })
    afterTest(() => sent.destroy())
    const [response] = (await within('an event stream', once(sent, 'response'))) as [IncomingMessage]
    if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}: ${await text(response)}`)
    return new EventReader(response)
  }

  async next(): Promise<ServerSent> {
    while (this.#events.length === 0) await within('an event', once(this.response, 'data'))
    return this.#events.shift() as ServerSent
  }

  #take(chunk: string): void {
    const blocks = `${this.#rest}${chunk}`.split('\n\n')
    this.#rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const [, event = '', id = '', data = ''] =
        /^event: (\w+)\nid: ((?:[0-9a-f]{8}-)?\d+)\ndata: (.*)$/.exec(block) ?? []
      if (event === '') continue
      this.lastId = id
      this.#events.push({ event, id: Number(id.replace(/^.*-/, '')), data: JSON.parse(data) })
    }
  }
}
