/** Does one thing after the other, in the order in which they were asked for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  async take<T>(action: () => T | Promise<T>): Promise<T> {
    const turn = this.#last.then(action)
    // How it went is the business of whoever asked for it.
    this.#last = turn.catch(() => undefined)
    return await turn
  }
}
