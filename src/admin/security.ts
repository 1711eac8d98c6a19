import type { IncomingMessage } from 'node:http'
import type { ResolvedAdmin } from '../config/resolved.ts'
import type { Log } from '../log/log.ts'
import { AdminError } from './errors.ts'
import { Hosts } from './hosts.ts'
import { shownToken, Token } from './token.ts'
import { WrongTokens } from './wrong-tokens.ts'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])

/** What every request must pass before anything is done with it, whatever it asks for. */
export class Security {
  readonly #hosts: Hosts
  readonly #token: Token | undefined
  readonly #open: ReadonlySet<string>
  readonly #wrong: WrongTokens

  /** `open`: paths that need no token. */
  constructor({ listen, token, hosts }: ResolvedAdmin, open: Iterable<string>, log: Log) {
    this.#hosts = new Hosts(listen, hosts)
    this.#token = token && new Token(token.bytes())
    this.#open = new Set(open)
    this.#wrong = new WrongTokens(address =>
      log.warn({ address }, 'the admin API is shown many wrong tokens from there'),
    )
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

  /** On a unix socket there is no address: who may open it is known to the system. */
  #isRight(token: Token, given: string, address: string | undefined): boolean {
    if (address === undefined) return token.is(given)
    const waitMs = this.#wrong.waitMs(address)
    if (waitMs > 0) throw throttled(waitMs)
    if (token.is(given)) return true
    this.#wrong.count(address)
    return false
  }

  #checkToken({ headers, socket }: IncomingMessage): void {
    if (this.#token === undefined) return
    const given = shownToken(headers.authorization)
    if (given !== undefined && this.#isRight(this.#token, given, socket.remoteAddress)) return
    const message = 'a token is needed: the header Authorization: Bearer TOKEN'
    throw new AdminError(401, 'LIMPET_ERR_ADMIN_TOKEN', message, { 'www-authenticate': 'Bearer' })
  }
}

/** Nothing from there is compared for a while: otherwise tokens could be tried as fast as they can be sent. */
function throttled(waitMs: number): AdminError {
  const seconds = Math.ceil(waitMs / 1000)
  const message = `too many wrong tokens came from this address: wait ${seconds} s`
  return new AdminError(429, 'LIMPET_ERR_ADMIN_THROTTLED', message, { 'retry-after': String(seconds) })
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
