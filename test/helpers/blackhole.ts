import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Child } from './processes.ts'
import { within } from './wait.ts'

/** More connections than fit into the queue of the server. */
const FILL = 8

/** A port that answers no SYN: a stopped process listens on it, and its queue is full. */
export class Blackhole implements AsyncDisposable {
  readonly address: string
  readonly #child: Child
  readonly #fillers: readonly Socket[]

  private constructor(child: Child, address: string, fillers: readonly Socket[]) {
    this.#child = child
    this.address = address
    this.#fillers = fillers
  }

  static async open(): Promise<Blackhole> {
    const child = await Child.start('listener')
    const port = await child.call<number>('listen', { host: '127.0.0.1', port: 0, backlog: 1 })
    child.signal('SIGSTOP')
    const fillers = Array.from({ length: FILL }, () => connect({ host: '127.0.0.1', port }))
    // Those past the queue wait in vain, and nobody minds how that ends.
    for (const filler of fillers) filler.on('error', () => filler.destroy())
    await within('a connection in the queue', Promise.any(fillers.map(filler => once(filler, 'connect'))))
    return new Blackhole(child, `127.0.0.1:${port}`, fillers)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const filler of this.#fillers) filler.destroy()
    await this.#child.kill()
  }
}
