import { optionsArgument } from '../arguments.ts'
import { formatAddress } from '../config/address.ts'
import { argumentTypeError, LimpetError } from '../errors.ts'
import { Outcome, PickStatus, type Reason } from '../native.ts'
import type { PoolCore } from './core.ts'
import { backendIndexOf, reasonOf, seatOf } from './packed.ts'
import type { BackendRecord } from './records.ts'

/** How a {@link Decision} is given back. */
export interface ReleaseOptions {
  /**
   * The backend could not be used: counted as a failed connect, and a pin that this pick made is taken back.
   * @defaultValue false
   */
  failed?: boolean | undefined
}

/**
 * Where a client goes, and a seat there. The seat is held, and counts against bounds and `maxSessions`, until
 * {@link Decision.release}.
 */
export class Decision {
  /** Why this backend. */
  readonly reason: Reason
  readonly #core: PoolCore
  readonly #backend: BackendRecord
  readonly #seat: number
  #released = false

  /** @internal */
  constructor(core: PoolCore, packed: number) {
    this.reason = reasonOf(packed)
    this.#core = core
    this.#backend = core.backendAt(backendIndexOf(packed))
    this.#seat = seatOf(packed)
  }

  /** Name of the backend. */
  get backend(): string {
    return this.#backend.name
  }

  /** Address of the backend when it was picked, as it is configured. */
  get address(): string {
    return formatAddress(this.#backend.address)
  }

  /** Whether the seat was given back. */
  get released(): boolean {
    return this.#released
  }

  /**
   * Gives the seat back. Without `failed` the client's pin is confirmed and its time to live starts (unless other
   * sessions of the client live); with it, a pin that this pick made is taken back. Idempotent; does nothing once the
   * balancer is closed.
   */
  release(options: ReleaseOptions = {}): void {
    const { failed = false } = optionsArgument('options', options)
    if (typeof failed !== 'boolean') throw argumentTypeError('options.failed', 'a boolean', failed)
    if (this.#released) return
    this.#released = true
    if (this.#core.isClosed) return
    this.#core.native.release(this.#seat, failed ? Outcome.failed : Outcome.served)
  }
}

/** Of what is no address a message shows so much. */
const LONGEST_SHOWN = 100

/** Picks for a client; `undefined`: a client without an address. */
export function decide(core: PoolCore, address: string | undefined): Decision {
  if (address !== undefined && typeof address !== 'string')
    throw argumentTypeError('address', 'a string or undefined', address)
  const packed = core.native.pick(address)
  if (packed < 0) throw pickError(core.name, address, packed)
  return new Decision(core, packed)
}

function pickError(pool: string, address: string | undefined, status: number): LimpetError {
  if (status === PickStatus.badAddress) return badAddress(pool, address ?? '')
  if (status === PickStatus.poolFull) {
    return new LimpetError('LIMPET_ERR_POOL_FULL', `every backend of the pool ${pool} is at its maxSessions`, {
      pool,
      address,
    })
  }
  if (status === PickStatus.keySessions) {
    return new LimpetError('LIMPET_ERR_KEY_SESSIONS', `the client has its sessionsPerKey in the pool ${pool}`, {
      pool,
      address,
    })
  }
  if (status === PickStatus.keyRate) {
    return new LimpetError('LIMPET_ERR_KEY_RATE', `the client comes too fast to the pool ${pool}`, { pool, address })
  }
  return new LimpetError('LIMPET_ERR_NO_BACKEND', `no backend of the pool ${pool} may serve a client now`, {
    pool,
    address,
  })
}

export function badAddress(pool: string, address: string): LimpetError {
  return new LimpetError(
    'LIMPET_ERR_BAD_ADDRESS',
    `${JSON.stringify(address.slice(0, LONGEST_SHOWN))} is not an IP address`,
    { pool, address },
  )
}
