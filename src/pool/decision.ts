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

/** A client, as a pick is asked for one: its address, or the bytes of its key; `undefined`, or no bytes: it has neither. */
export type Client = string | Uint8Array | undefined

export function decide(core: PoolCore, client: Client): Decision {
  if (client !== undefined && typeof client !== 'string' && !(client instanceof Uint8Array))
    throw argumentTypeError('client', 'a string, an Uint8Array or undefined', client)
  const isEmpty = typeof client !== 'string' && client?.length === 0
  // Of what tells clients of a hot key apart, only the address is known here.
  const by = core.hotBy === 'address' && typeof client === 'string' ? client : undefined
  const key = isEmpty ? undefined : client
  const packed = by === undefined ? core.native.pick(key) : core.native.pick(key, false, undefined, undefined, by)
  if (packed < 0) throw pickError(core.name, client, packed)
  return new Decision(core, packed)
}

function pickError(pool: string, client: Client, status: number): LimpetError {
  const address = typeof client === 'string' ? client : undefined
  if (status === PickStatus.badAddress) return badClient(pool, client ?? '')
  if (status === PickStatus.poolFull) {
    return new LimpetError(
      'LIMPET_ERR_POOL_FULL',
      `the pool ${pool} is full: it, or every backend of it, is at its maxSessions`,
      {
        pool,
        address,
      },
    )
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

export function badClient(pool: string, client: string | Uint8Array): LimpetError {
  if (typeof client !== 'string') {
    return new LimpetError('LIMPET_ERR_BAD_ADDRESS', `a key has 1 to 65,536 bytes, not ${client.length}`, { pool })
  }
  const shown = JSON.stringify(client.slice(0, LONGEST_SHOWN))
  return new LimpetError('LIMPET_ERR_BAD_ADDRESS', `${shown} is not an IP address`, { pool, address: client })
}
