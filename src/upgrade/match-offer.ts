import type { OpenSocket } from '../acceptor/open-socket.ts'
import type { OpenSockets } from '../balancer-types.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { bindsOf, type OfferedSocket } from './messages.ts'

/** Which of the offered sockets a configuration has a use for. */
export interface OfferMatch {
  sockets: OpenSockets
  takeover: OpenSocket | undefined
  /** The listeners whose sockets are used, as the running process names them. */
  taken: string[]
  isAdminTaken: boolean
  /** Descriptors of the sockets that are used. */
  used: number[]
  /** Descriptors that nobody uses: to be closed. */
  unused: number[]
}

/**
 * A socket goes to the listener of its name, if that has the same address as before, or to one with the same address that
 * has got another name.
 */
export function matchOffer(offered: readonly (readonly [OfferedSocket, number])[], config: ResolvedConfig): OfferMatch {
  const binds = bindsOf(config)
  const listeners = new Map<string, OpenSocket>()
  const match: OfferMatch = {
    sockets: { listeners },
    takeover: undefined,
    taken: [],
    isAdminTaken: false,
    used: [],
    unused: [],
  }
  let admin: OpenSocket | undefined
  // Those that kept their names come first: nobody else can get their sockets.
  for (const [socket, fd] of [...offered].sort(([a], [b]) => Number(isSame(b, binds)) - Number(isSame(a, binds)))) {
    const { kind, name, bind, isShared } = socket
    const open = { fd, isShared, isBorrowed: true }
    const listener = kind === 'listener' ? listenerOf(socket, binds.listeners, listeners) : undefined
    if (listener !== undefined) {
      listeners.set(listener, open)
      match.taken.push(name)
    } else if (kind === 'admin' && bind === binds.admin) {
      admin = open
      match.isAdminTaken = true
    } else if (kind === 'takeover' && bind === binds.admin) {
      match.takeover = open
    } else {
      match.unused.push(fd)
      continue
    }
    match.used.push(fd)
  }
  match.sockets = { listeners, admin }
  return match
}

type Binds = ReturnType<typeof bindsOf>

function isSame({ kind, name, bind }: OfferedSocket, binds: Binds): boolean {
  return kind === 'listener' && binds.listeners.get(name) === bind
}

function listenerOf(
  { name, bind }: OfferedSocket,
  binds: Binds['listeners'],
  used: ReadonlyMap<string, OpenSocket>,
): string | undefined {
  if (binds.get(name) === bind) return name
  // The system chose a port for that one: another one of that address is another one.
  if (bind.endsWith(':0')) return undefined
  return [...binds].find(([other, address]) => address === bind && !used.has(other))?.[0]
}
