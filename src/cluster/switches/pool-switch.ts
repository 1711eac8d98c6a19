import type { PoolCore } from '../../pool/core.ts'
import type { PoolExceptions, SharedPin } from '../exceptions/pool-exceptions.ts'
import { type HomeBackend, homeBackends } from './announcement.ts'
import { OtherHomes } from './other-homes.ts'
import type { SwitchPool } from './switches.ts'

/** How many entries of the table are looked at in one turn of the event loop: some 2 µs each, where few homes are known yet. */
const ENTRIES = 1024
/** With so many, pins are told. */
const MOST_PINS = 1000

/** A pool whose backends change, and what it tells of its pins then. */
export class PoolSwitch implements SwitchPool {
  readonly #core: PoolCore
  readonly #exceptions: PoolExceptions
  readonly #put: (pins: readonly SharedPin[]) => Promise<void>
  /** Undefined: to be found out. */
  #held: { digest: string; backends: readonly HomeBackend[] } | undefined

  /** @param put - tells the store of exceptions; resolves when it has them: what goes on at its pace */
  constructor(core: PoolCore, exceptions: PoolExceptions, put: (pins: readonly SharedPin[]) => Promise<void>) {
    this.#core = core
    this.#exceptions = exceptions
    this.#put = put
  }

  get digest(): string {
    return this.#now().digest
  }

  get backends(): readonly HomeBackend[] {
    return this.#now().backends
  }

  /** It has, perhaps, other backends now. */
  changed(): void {
    this.#held = undefined
  }

  async tell(backends: readonly HomeBackend[]): Promise<void> {
    const homes = new OtherHomes(this.#core, backends)
    let waiting: SharedPin[] = []
    for (let from: number | undefined = 0; from !== undefined && !this.#isGone; ) {
      const { pins, next } = this.#exceptions.listBecoming(from, ENTRIES, homes)
      waiting.push(...pins)
      if (waiting.length >= MOST_PINS || (next === undefined && waiting.length > 0)) {
        await this.#put(waiting)
        waiting = []
      }
      from = next
      // Whoever has nothing to tell has nothing to wait for, either.
      await new Promise(setImmediate)
    }
  }

  tellBeside(backends: readonly HomeBackend[] | undefined): void {
    if (this.#isGone) return
    if (backends === undefined) this.#core.native.shareBeside()
    else {
      const homes = new OtherHomes(this.#core, backends)
      this.#core.native.shareBeside(homes.placement, homes.identities())
    }
  }

  #now(): { digest: string; backends: readonly HomeBackend[] } {
    this.#held ??= { digest: this.#core.digest, backends: homeBackends(this.#core.backends()) }
    return this.#held
  }

  get #isGone(): boolean {
    return this.#core.isClosed || this.#core.isRetired
  }
}
