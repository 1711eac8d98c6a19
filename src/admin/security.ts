import type { IncomingMessage } from 'node:http'
import type { ResolvedAdmin } from '../config/resolved.ts'
import { AdminError } from './errors.ts'
import { Hosts } from './hosts.ts'
import { Token } from './token.ts'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])

/** What every request must pass before anything is done with it, whatever it asks for. */
export class Security {
  readonly #hosts: Hosts
  readonly #token: Token | undefined
  readonly #open: ReadonlySet<string>

  /** `open`: paths that need no token. */
  constructor({ listen, token, hosts }: ResolvedAdmin, open: Iterable<string>) {
    this.#hosts = new Hosts(listen, hosts)
    this.#token = token && new Token(token.bytes())
    this.#open = new Set(open)
  }

  /** @throws {@link AdminError} with the reason */
  check(request: IncomingMessage): void {
    this.#checkHost(request)
    this.#checkOrigin(request)
    const { method = '', url = '' } = request
    // HEAD would have an event stream made and forgotten; the others ask for what is not done here.
    if (!METHODS.includes(method))
      throw requestError(405, `the method ${method} is not taken`, { allow: METHODS.join(', ') })
    if (!url.startsWith('/')) throw requestError(400, 'the target of a request is a path')
    const [path = ''] = url.split('?', 1)
    if (!this.#open.has(path)) this.#checkToken(request)
    if (WITH_BODY.has(method) && !isJson(request.headers['content-type']))
      throw requestError(415, 'a change must have the header Content-Type: application/json')
  }

  #checkHost({ headersDistinct, socket }: IncomingMessage): void {
    const [host = '', second] = headersDistinct.host ?? []
    if (second === undefined && this.#hosts.includes(host, socket)) return
    throw forbidden('this host is not answered for; admin.hosts has those that are, besides its own address')
  }

  /** No page of another origin may ask, not even read: there is no CORS. */
  #checkOrigin({ headers, socket }: IncomingMessage): void {
    const { origin, 'sec-fetch-site': site } = headers
    const [, host = ''] = /^https?:\/\/([^/]+)$/.exec(origin ?? '') ?? []
    const isForeign = origin !== undefined && !this.#hosts.includes(host, socket)
    if (isForeign || (site !== undefined && site !== 'same-origin' && site !== 'none'))
      throw forbidden('pages of other origins may not ask')
  }

  #checkToken({ headers }: IncomingMessage): void {
    if (this.#token === undefined || this.#token.isShownBy(headers.authorization)) return
    const message = 'a token is needed: the header Authorization: Bearer TOKEN'
    throw new AdminError(401, 'LIMPET_ERR_ADMIN_TOKEN', message, { 'www-authenticate': 'Bearer' })
  }
}

/** A request of a form that is not taken. */
export function requestError(status: number, message: string, headers: Record<string, string> = {}): AdminError {
  return new AdminError(status, 'LIMPET_ERR_ADMIN_REQUEST', message, headers)
}

function forbidden(message: string): AdminError {
  return new AdminError(403, 'LIMPET_ERR_ADMIN_FORBIDDEN', message)
}

function isJson(type: string | undefined): boolean {
  return /^application\/json *(;|$)/i.test(type ?? '')
}
