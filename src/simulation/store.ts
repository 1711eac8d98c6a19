/** What balancers tell each other through the store: pins that are no homes, and how much work that is. */
export class Store {
  writes = 0
  deletes = 0
  refreshes = 0
  /** By client; -1: there is no pin. */
  readonly #backend: Int16Array
  readonly #since: Float64Array
  readonly #operations: Float64Array

  constructor(clients: number, seconds: number) {
    this.#backend = new Int16Array(clients).fill(-1)
    this.#since = new Float64Array(clients)
    this.#operations = new Float64Array(seconds)
  }

  /** -1: it has none. */
  backendOf(client: number): number {
    return this.#backend[client] ?? -1
  }

  /** When it was written. */
  since(client: number): number {
    return this.#since[client] ?? 0
  }

  write(client: number, backend: number, at: number): void {
    this.writes++
    this.#backend[client] = backend
    this.#since[client] = at
    this.#did(at)
  }

  delete(client: number, at: number): void {
    this.deletes++
    this.#backend[client] = -1
    this.#did(at)
  }

  refresh(at: number): void {
    this.refreshes++
    this.#did(at)
  }

  /** The store has done it by itself. */
  expire(client: number): void {
    this.#backend[client] = -1
  }

  get peak(): number {
    return this.#operations.reduce((most, count) => Math.max(most, count), 0)
  }

  #did(at: number): void {
    const second = Math.min(Math.floor(at), this.#operations.length - 1)
    this.#operations[second] = (this.#operations[second] ?? 0) + 1
  }
}
