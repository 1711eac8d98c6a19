import type { Members } from '../members/members.ts'
import type { StoreLink } from '../store/link.ts'
import { ANNOUNCE, runScript, SAY_DONE } from '../store/scripts.ts'
import type { StoreKeys } from '../store/store-keys.ts'
import { type Announcement, type HomeBackend, readBackends, writeBackends } from './announcement.ts'
import type { SwitchStore } from './switches.ts'

const AWAY = 'the store is away'
/** Announcements of a pool that are kept; with more at once, the oldest are waited for in vain. */
const MOST_OF_POOL = 4

/** What is announced, in the store: some hundred bytes, and for a few minutes the backends of what was announced. */
export class RedisSwitchStore implements SwitchStore {
  readonly #members: Members
  #open: { link: StoreLink; keys: StoreKeys } | undefined
  /** Who waits for the end of so many turns more. */
  #waiting: { turns: number; done: () => void; lost: (error: Error) => void }[] = []

  constructor(members: Members) {
    this.#members = members
  }

  /** Undefined: it is away. */
  use(open: { link: StoreLink; keys: StoreKeys } | undefined): void {
    this.#open = open
    if (open !== undefined) return
    for (const { lost } of this.#waiting) lost(new Error(AWAY))
    this.#waiting = []
  }

  get isUp(): boolean {
    return this.#open?.link.isOpen === true
  }

  live(): readonly string[] {
    return this.#members.liveIds
  }

  async announce({ pool, id, backends }: Announcement, lastsMs: number): Promise<void> {
    const { link, keys } = this.#opened()
    const values = [pool, id, writeBackends(backends), lastsMs, MOST_OF_POOL]
    await runScript(link, ANNOUNCE, [keys.announced, keys.announcement(pool, id)], values)
  }

  async announced(): Promise<ReadonlyMap<string, readonly string[]>> {
    return await this.#idsOf(this.#opened().keys.announced)
  }

  async read(pool: string, id: string): Promise<readonly HomeBackend[] | undefined> {
    const { link, keys } = this.#opened()
    const key = keys.announcement(pool, id)
    const text = await link.call(key, ['GET', key])
    return typeof text === 'string' ? readBackends(text) : undefined
  }

  async sayDone(pool: string, ids: readonly string[], lastsMs: number): Promise<void> {
    const { link, keys } = this.#opened()
    await runScript(link, SAY_DONE, [keys.announcedDone(pool)], [this.#members.id, ids.join(' '), lastsMs])
  }

  async done(pool: string): Promise<ReadonlyMap<string, readonly string[]>> {
    return await this.#idsOf(this.#opened().keys.announcedDone(pool))
  }

  async caughtUp(): Promise<void> {
    await new Promise<void>((done, lost) => {
      // That which goes on may have read before.
      this.#waiting.push({ turns: 2, done, lost })
    })
  }

  /** A turn has read everything that there was. */
  hasRead(): void {
    for (const waiting of this.#waiting) if (--waiting.turns === 0) waiting.done()
    this.#waiting = this.#waiting.filter(({ turns }) => turns > 0)
  }

  /** Each field with its ids. */
  async #idsOf(key: string): Promise<Map<string, readonly string[]>> {
    const answer = (await this.#opened().link.call(key, ['HGETALL', key])) as string[]
    const ids = new Map<string, readonly string[]>()
    for (let at = 0; at + 1 < answer.length; at += 2) ids.set(String(answer[at]), String(answer[at + 1]).split(' '))
    return ids
  }

  #opened(): { link: StoreLink; keys: StoreKeys } {
    if (this.#open === undefined) throw new Error(AWAY)
    return this.#open
  }
}
