import { NativeBackendState } from '../../../src/native.ts'

/** A backend as the model of the picker knows it. An object is one backend: a removed and re-added one is another object. */
export interface ModelBackend {
  name: string
  weight: number
  /** 0: no limit. */
  maxSessions: number
  state: number
  sessions: number
  /** Sessions of other balancers, as they have told last. */
  peers: number
}

export interface ModelSeat {
  key: string
  backend: ModelBackend
  reason: 'pin' | 'home' | 'overflow' | 'failover' | 'returned'
  /** The pin was confirmed when the seat was taken. */
  pinned: boolean
  /** The table stays as it is: the pinned backend was at its limit, only this session went elsewhere. */
  leavePin: boolean
  /** Its connect succeeded. */
  established: boolean
}

interface ModelPin {
  backend: ModelBackend
  /** Not made at the key's home. */
  away: boolean
  provisional: boolean
  /** The confirmed pin that a provisional one replaced; it comes back if no connect succeeds. */
  origin?: ModelPin | undefined
}

export type ModelPick = ModelSeat | 'noBackend' | 'poolFull'

/** max(1, ceil(c · (m + 1) · w / W)), with c in thousandths. */
export function bound(milli: number, sessions: number, weight: number, total: number): number {
  const [above, below] = [BigInt(milli) * BigInt(sessions + 1) * BigInt(weight), 1000n * BigInt(total)]
  const ceiling = Number((above + below - 1n) / below)
  return Math.max(1, ceiling)
}

/**
 * The picker without threads, expiry or eviction: pin, then home, then overflow. `orderOf` is the key's order over all
 * backends of weight > 0, ready or not.
 */
export class ModelPicker {
  readonly backends = new Map<string, ModelBackend>()
  readonly #orderOf: (key: string) => readonly string[]
  readonly #milli: number
  /** Undefined: no stick table. */
  readonly #pins: Map<string, ModelPin> | undefined
  readonly #live = new Set<ModelSeat>()
  readonly #returnHome: 'never' | 'next-connect' | 'after-idle'

  constructor(
    orderOf: (key: string) => readonly string[],
    milli: number,
    table: boolean,
    returnHome: 'never' | 'next-connect' | 'after-idle' = 'never',
  ) {
    this.#orderOf = orderOf
    this.#milli = milli
    this.#pins = table ? new Map() : undefined
    this.#returnHome = returnHome
  }

  pick(key: string): ModelPick {
    const pin = this.#pins?.get(key)
    const followed = pin !== undefined && this.#serves(pin.backend)
    const home = followed && this.#mayReturn(key, pin) ? this.#assign(key) : undefined
    if (typeof home === 'object' && home.reason === 'home' && home.backend !== pin?.backend) {
      this.#pins?.set(key, { backend: home.backend, away: false, provisional: true, origin: pin })
      return this.#take({ key, backend: home.backend, reason: 'returned', pinned: false, leavePin: false })
    }
    const leavePin = followed && full(pin.backend)
    if (followed && !leavePin)
      return this.#take({ key, backend: pin.backend, reason: 'pin', pinned: !pin.provisional, leavePin })
    const assigned = this.#assign(key)
    if (typeof assigned === 'string') return assigned
    const seat = { key, ...assigned, ...(leavePin ? { reason: 'overflow' as const } : {}), pinned: false, leavePin }
    if (!leavePin) {
      const known = this.pinned(key)
      const origin = known !== undefined && pin?.provisional === false ? pin : pin?.origin
      this.#pins?.set(key, { ...this.#pinTo(key, assigned.backend), provisional: true, origin })
    }
    return this.#take(seat)
  }

  /** Where a key is pinned, if that backend is still there. */
  pinned(key: string): ModelBackend | undefined {
    const backend = this.#pins?.get(key)?.backend
    return backend !== undefined && this.backends.get(backend.name) === backend ? backend : undefined
  }

  /** Its connect succeeded: the pin follows the client, unless another session of the key lives where it points to. */
  confirm(seat: ModelSeat): void {
    seat.established = true
    if (seat.pinned || seat.leavePin) return
    const pin = this.#pins?.get(seat.key)
    if (pin !== undefined && pin.backend !== seat.backend && this.#lives(seat.key, pin.backend)) return
    this.#pins?.set(seat.key, { ...this.#pinTo(seat.key, seat.backend), provisional: false })
  }

  /** The session was served to its end. */
  serve(seat: ModelSeat): void {
    if (!seat.established && !seat.pinned) this.confirm(seat)
    this.#leave(seat)
  }

  /** It ended in another way: its connect failed, or its client left first, if that was not confirmed. */
  fail(seat: ModelSeat): void {
    this.#leave(seat)
  }

  /** Backends that a new key may go to now, with what the bound is made of. */
  candidates(): { among: ModelBackend[]; sessions: number; weight: number } {
    const among = [...this.backends.values()].filter(backend => eligible(backend) && !full(backend))
    return {
      among,
      sessions: among.reduce((sum, backend) => sum + loadOf(backend), 0),
      weight: among.reduce((sum, { weight }) => sum + weight, 0),
    }
  }

  #assign(key: string): Pick<ModelSeat, 'backend' | 'reason'> | 'noBackend' | 'poolFull' {
    const { among, sessions, weight } = this.candidates()
    if (among.length === 0) return [...this.backends.values()].some(eligible) ? 'poolFull' : 'noBackend'
    const order = this.#orderOf(key).map(name => this.backends.get(name))
    const [home] = order
    const backend = order.find(candidate => {
      return (
        candidate !== undefined &&
        among.includes(candidate) &&
        (this.#milli === 0 || loadOf(candidate) < bound(this.#milli, sessions, candidate.weight, weight))
      )
    })
    // Σ bounds ≥ m + 1: there is always a seat.
    if (backend === undefined || home === undefined) throw new Error('the model found no seat')
    return { backend, reason: backend === home ? 'home' : eligible(home) ? 'overflow' : 'failover' }
  }

  #pinTo(key: string, backend: ModelBackend): Pick<ModelPin, 'backend' | 'away'> {
    return { backend, away: this.#orderOf(key)[0] !== backend.name }
  }

  #mayReturn(key: string, { away, provisional }: ModelPin): boolean {
    if (this.#returnHome === 'never' || !away || provisional) return false
    return this.#returnHome === 'next-connect' || ![...this.#live].some(seat => seat.key === key)
  }

  #serves(backend: ModelBackend): boolean {
    return this.backends.get(backend.name) === backend && backend.state !== NativeBackendState.down
  }

  #lives(key: string, backend: ModelBackend): boolean {
    return [...this.#live].some(seat => seat.established && seat.key === key && seat.backend === backend)
  }

  #take(seat: Omit<ModelSeat, 'established'>): ModelSeat {
    const taken = { ...seat, established: false }
    taken.backend.sessions++
    this.#live.add(taken)
    return taken
  }

  /** With the last session of a key goes a pin that no connect has confirmed, whichever session made it. */
  #leave(seat: ModelSeat): void {
    seat.backend.sessions--
    this.#live.delete(seat)
    const pin = this.#pins?.get(seat.key)
    if (pin?.provisional !== true || [...this.#live].some(({ key }) => key === seat.key)) return
    if (pin.origin === undefined) this.#pins?.delete(seat.key)
    else this.#pins?.set(seat.key, pin.origin)
  }
}

/** What the bound counts. */
function loadOf({ sessions, peers }: ModelBackend): number {
  return sessions + peers
}

function eligible({ state, weight }: ModelBackend): boolean {
  return state === NativeBackendState.ready && weight > 0
}

function full({ maxSessions, sessions }: ModelBackend): boolean {
  return maxSessions !== 0 && sessions >= maxSessions
}
