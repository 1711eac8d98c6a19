import type { HeadLook, KeySource } from '../key-source.ts'
import { Matcher, statesOf } from './matcher.ts'
import { compileRegex, type Program } from './program.ts'

/** What one client can cost: some 50 ms, where a pattern is as large as it may be and all of it is tried at every byte. */
const MOST_WORK = 500_000

/** A regular expression whose first group, or whose match, is the key. */
export class KeyRegex implements KeySource {
  /** `/…/flags`. */
  readonly text: string
  readonly waitsForBytes = true
  /** How many of the first bytes it is run over. */
  readonly bytes: number
  readonly #program: Program

  /** @throws an Error that says why it cannot be one */
  constructor(text: string, bytes: number) {
    this.text = text
    this.bytes = bytes
    this.#program = compileRegex(text)
    const steps = statesOf(this.#program)
    if (steps * bytes <= MOST_WORK) return
    throw new Error(`${steps} steps are too many for ${bytes} bytes: at most ${Math.floor(MOST_WORK / steps)}`)
  }

  get name(): string {
    return this.text
  }

  begin(): HeadLook {
    const matcher = new Matcher(this.#program)
    let seen: Buffer = Buffer.alloc(0)
    const key = (): Uint8Array | undefined => matcher.key && seen.subarray(matcher.key.begin, matcher.key.end)
    return {
      find: head => {
        seen = head
        const most = Math.min(head.length, this.bytes)
        while (matcher.length < most && !matcher.isDecided) matcher.feed(head[matcher.length] as number)
        if (matcher.isDecided) return key()
        if (matcher.length < this.bytes) return 'more'
        matcher.finish()
        return key()
      },
      last: () => {
        matcher.finish()
        return key()
      },
    }
  }
}
