import { Turns } from '../turns.ts'

/** {@link Turns} whose outcome is told when it would outlive the process: who was told that a backend drains relies on that. */
export class LastingTurns extends Turns {
  readonly #kept: () => Promise<void>

  /** @param kept - resolves when what was changed is kept, or could not be */
  constructor(kept: () => Promise<void>) {
    super()
    this.#kept = kept
  }

  override async take<T>(action: () => T | Promise<T>): Promise<T> {
    const outcome = await super.take(action)
    await this.#kept()
    return outcome
  }
}
