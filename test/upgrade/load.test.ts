import { expect } from 'chai'
import { stringify } from 'yaml'
import type { BalancerOptions } from '../../src/index.ts'
import type { LimpetRun } from '../helpers/limpet-run.ts'
import type { Dial } from '../helpers/net.ts'
import { rounds } from '../helpers/soak.ts'
import { until } from '../helpers/wait.ts'
import { cleanUp } from '../lifecycle/helpers.ts'
import { Site, session, WAYS, type Way } from './helpers.ts'

/** The full counts of each acceptor, shared by its relays: 102,000 sessions over 52 reloads and 12 takeovers. */
function countsOf({ acceptor }: Way): { sessions: number; reloads: number; takeovers: number } {
  const ways = WAYS.filter(way => way.acceptor === acceptor).length
  return { sessions: rounds(2000, 102_000 / ways), reloads: rounds(3, 52 / ways), takeovers: rounds(2, 12 / ways) }
}

const AT_ONCE = 16
const CLIENTS = 200

/** Clients that come again and again, each from its own address. */
class Load {
  readonly #dial: Dial
  /** By client: whom it met first. */
  readonly #homes = new Map<number, string>()
  readonly failures: string[] = []
  moved = 0
  sessions = 0
  #wanted = Number.POSITIVE_INFINITY
  readonly #workers: Promise<void>[] = []

  constructor(dial: Dial) {
    this.#dial = dial
  }

  /** Every client once, so that each has its place. */
  async settle(): Promise<void> {
    for (let client = 0; client < CLIENTS; client++) await this.#session(client)
  }

  begin(): void {
    for (let worker = 0; worker < AT_ONCE; worker++) this.#workers.push(this.#work())
  }

  /** When there were so many sessions. */
  async end(sessions: number): Promise<void> {
    this.#wanted = sessions
    await Promise.all(this.#workers)
  }

  async #work(): Promise<void> {
    while (this.sessions < this.#wanted) await this.#session(this.sessions % CLIENTS)
  }

  async #session(client: number): Promise<void> {
    this.sessions++
    try {
      const name = await session({ ...this.#dial, localAddress: `127.0.2.${1 + client}` })
      const home = this.#homes.get(client) ?? name
      this.#homes.set(client, home)
      if (home !== name) this.moved++
    } catch (error) {
      this.failures.push((error as NodeJS.ErrnoException).code ?? String(error))
    }
  }
}

function halfOf(config: BalancerOptions): string {
  const text = stringify(config)
  return text.slice(0, text.length / 2)
}

describe('reloads and takeovers under load', () => {
  afterEach(cleanUp)

  for (const way of WAYS) {
    it(`refuse, reset and move nobody (${way.acceptor} acceptor, ${way.relay} relay)`, async function () {
      this.timeout(900_000)
      const site = await Site.make(way)
      let run: LimpetRun = await site.start()
      const load = new Load(run.dial('tcp'))
      await load.settle()
      load.begin()
      const { sessions, reloads, takeovers } = countsOf(way)
      const share = Math.ceil(reloads / (takeovers + 1))
      let reloaded = 0
      for (let takeover = 0; takeover <= takeovers; takeover++) {
        for (let reload = 0; reload < share && reloaded < reloads; reload++, reloaded++) {
          // Half a file, as whoever writes it may leave it for a moment, and one that is wrong: all stays as it is.
          for (const bad of reloaded % 2 === 0 ? [halfOf(site.config()), 'pools: {}\nlisteners: 7\n'] : []) {
            expect(await run.reload(site.file, bad)).to.match(/^not reloaded/)
          }
          site.weight = 1 + (reloaded % 2)
          expect(await run.reload(site.file, site.config())).to.equal('reloaded')
          const before = load.sessions
          await until('some sessions after a reload', () => load.sessions >= before + AT_ONCE)
        }
        if (takeover === takeovers) break
        const old = run
        run = await site.start('--takeover')
        expect(await old.exited).to.deep.equal({ code: 0, signal: null })
      }
      expect(reloaded).to.equal(reloads)
      await load.end(sessions)
      expect(load.failures).to.deep.equal([])
      expect(load.moved).to.equal(0)
      expect(load.sessions).to.be.at.least(sessions)
    })
  }
})
