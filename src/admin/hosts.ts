import type { IncomingMessage } from 'node:http'
import type { ListenAddress } from '../config/address.ts'

/** Names of this host that need no configuration. */
const OWN = ['localhost', '127.0.0.1', '[::1]']
const HTTP_PORT = 80

/**
 * Which values of the header Host are taken. A page of somebody else that has its own name resolved to this host ("DNS
 * rebinding") may send requests here as if to itself; but its own name is what it then sends as the host.
 */
export class Hosts {
  readonly #names: ReadonlySet<string>
  readonly #configured: ReadonlySet<string>
  readonly #isUnix: boolean

  constructor(listen: ListenAddress, configured: readonly string[]) {
    const own = listen.kind === 'ip' || listen.kind === 'name' ? [bracketed(listen.host)] : []
    this.#names = new Set([...OWN, ...own])
    this.#configured = new Set(configured)
    this.#isUnix = listen.kind === 'unix'
  }

  /** Whether a host, with its port if it has one, may be asked for by a request that came in on this socket. */
  includes(host: string, socket: IncomingMessage['socket']): boolean {
    const [, name = '', port] = /^([^:[\]]+|\[[^[\]]*\])(?::(\d{1,5}))?$/.exec(host.toLowerCase()) ?? []
    if (name === '') return false
    if (this.#configured.has(name) || this.#configured.has(`${name}:${port ?? HTTP_PORT}`)) return true
    // No browser reaches a unix socket, and what its clients call it is up to them but for the name.
    if (this.#isUnix) return this.#names.has(name)
    const { localAddress = '', localPort } = socket
    // An address cannot be rebound: it is what the client connected to.
    const isOwn = this.#names.has(name) || name === bracketed(localAddress.replace(/^::ffff:(?=\d+\.)/i, ''))
    return isOwn && Number(port ?? HTTP_PORT) === localPort
  }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
