import { cleanUp, limpet, type Said } from '../helpers.ts'
import { backendInfo, poolStats, poolsAnswer, type Script, ScriptedServer, statusReport } from './server.ts'

/** Half an hour from what would be told otherwise: 2d 5h. */
export const since = Date.now() - (53 * 60 + 30) * 60_000
export const BACKENDS = [
  backendInfo('b1', { sessions: 3, bound: 5, total: 100, health: { status: 'up', since } }),
  backendInfo('b2', { weight: 2, state: 'drain', health: { status: 'up', since } }),
  backendInfo('b3', { maxSessions: 50, health: { status: 'down', reason: 'connection refused', since } }),
]
export const POOLS = { redis: poolStats(BACKENDS) }
export const TWO_POOLS = { ...POOLS, mail: poolStats([backendInfo('m1')]) }
const BASE: Script = {
  'GET /v1/pools': poolsAnswer(POOLS),
  'GET /v1/status': [200, statusReport(POOLS)],
}

/** The running process that the commands of a suite ask: a new one for each test. */
export class AskedProcess {
  #server = new ScriptedServer(BASE)
  #admin = ''

  constructor() {
    beforeEach(async () => {
      this.#server = new ScriptedServer(BASE)
      this.#admin = await this.#server.listen()
    })
    afterEach(() => this.#server.close())
    after(cleanUp)
  }

  get server(): ScriptedServer {
    return this.#server
  }

  /** Where it is asked. */
  get admin(): string {
    return this.#admin
  }

  /** From now on it answers this, besides what it always does. */
  answer(script: Script): void {
    this.#server.script = { ...BASE, ...script }
  }

  /** Runs a command that asks it, which also answers this. */
  async ask(args: string[], script: Script = {}, context: { columns?: number } = {}): Promise<Said> {
    this.answer(script)
    return await limpet(args, { ...context, env: { LIMPET_ADMIN: this.#admin, NO_COLOR: '1' } })
  }

  lastAsked(): object {
    const { method, path, type, body } = this.#server.asked.at(-1) ?? {}
    return { method, path, type, body }
  }
}
