import { Conn, type Dial } from './net.ts'

/** Clients that ask and get answers, until whoever serves them is gone. */
export class Load {
  /** Answers that were right. */
  answers = 0
  readonly #lanes: Promise<void>[]
  #over = false

  constructor(dial: Dial, clients: number) {
    this.#lanes = Array.from({ length: clients }, (_, n) => this.#lane(dial, n))
  }

  /** Waits until every client saw the end. Rejects when one got wrong bytes. */
  async end(): Promise<void> {
    this.#over = true
    await Promise.all(this.#lanes)
  }

  /** Asks, and comes back with a new connection after every few questions: there are old and new sessions at any time. */
  async #lane(dial: Dial, n: number): Promise<void> {
    for (let visit = 0; !this.#over; visit++) {
      const conn = await Conn.open(dial).catch(() => undefined)
      if (conn === undefined) return
      await this.#talk(conn, n % 2 === 0 ? 10 : 1000, `${n}/${visit}`)
      conn.destroy()
    }
  }

  async #talk(conn: Conn, questions: number, text: string): Promise<void> {
    for (let question = 0; question < questions && !this.#over; question++) {
      const sent = `${text}/${question};`
      const got = await conn.echo(sent).catch(() => '')
      if (!sent.startsWith(got)) throw new Error(`got ${got} for ${sent}`)
      if (got !== sent) return
      this.answers++
    }
  }
}
