import { expect } from 'chai'
import fc from 'fast-check'
import { FailureLog } from '../../../src/affinity/failure-log.ts'
import type { KeyAnswer, KeyConnection } from '../../../src/affinity/key-function.ts'
import { KeySearch } from '../../../src/affinity/key-search.ts'
import { FunctionKeySource, type KeySource, NativeKeySource } from '../../../src/affinity/key-source.ts'
import { KeyRegex } from '../../../src/affinity/regex/key-regex.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import type { ResolvedPool } from '../../../src/config/resolved.ts'
import type { Log } from '../../../src/log/log.ts'
import { PoolCore } from '../../../src/pool/core.ts'

const CONNECTION: KeyConnection = { clientAddress: '192.0.2.1', clientPort: 7, listener: 'l', pool: 'p' }

const settings = resolveOptions({ pools: { p: {} } }).pools.get('p') as ResolvedPool
const pool = new PoolCore(settings)

/** Decides after so many bytes: the key is what they are, or there is none; or it fails. */
interface Plan {
  after: number
  says: 'key' | 'nothing' | 'failure'
  /** A native kind, which has no other answer than a key, and no promise. */
  kind: 'now' | 'promise' | 'native' | 'regex'
}

function sourceOf({ after, says, kind }: Plan): KeySource {
  if (kind === 'native') return new NativeKeySource(`bytes:0:${after}`, () => pool.native)
  if (kind === 'regex') return new KeyRegex(`/^([^]{${after}})/`, 64)
  const answer = (head: Buffer): KeyAnswer => {
    if (head.length < after) return 'more'
    if (says === 'failure') throw new Error('no')
    return says === 'key' ? head.subarray(0, after) : undefined
  }
  return new FunctionKeySource('f', () => (kind === 'now' ? answer : async head => answer(head)))
}

/** What the list has for all of the bytes: the first whose bytes are there, and that has a key. */
function expected(plans: readonly Plan[], head: Buffer): string | undefined {
  const found = plans.find(({ after, says, kind }) => {
    return after <= head.length && (says === 'key' || kind === 'native' || kind === 'regex')
  })
  return found && head.subarray(0, found.after).toString('latin1')
}

/** Feeds the parts, with a turn of the event loop between them, and gives what came of it. */
async function searched(sources: readonly KeySource[], parts: readonly Buffer[]): Promise<string | undefined> {
  return await new Promise((resolve, reject) => {
    const search = new KeySearch(sources, CONNECTION, {
      settled: ({ key }) => resolve(key && Buffer.from(key).toString('latin1')),
      failed: () => undefined,
    })
    const feed = async (): Promise<void> => {
      let head: Buffer = Buffer.alloc(0)
      for (const part of parts) {
        head = Buffer.concat([head, part])
        search.look(head, false)
        await new Promise(setImmediate)
      }
      search.look(head, true)
    }
    feed().catch(reject)
  })
}

describe('a search for keys', () => {
  it('has the same key at every split of the bytes, whatever the sources are', async () => {
    const plan: fc.Arbitrary<Plan> = fc.record({
      after: fc.integer({ min: 1, max: 8 }),
      says: fc.constantFrom('key', 'nothing', 'failure'),
      kind: fc.constantFrom('now', 'promise', 'native', 'regex'),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(plan, { minLength: 1, maxLength: 5 }),
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 4 }), { maxLength: 6 }),
        async (plans, arrays) => {
          const parts = arrays.map(array => Buffer.from(array))
          expect(await searched(plans.map(sourceOf), parts)).to.equal(expected(plans, Buffer.concat(parts)))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('asks nobody again who has said that there is none, nor twice about the same bytes', () => {
    const asked = [0, 0]
    const source = (index: number, answer: KeyAnswer): KeySource =>
      new FunctionKeySource('f', () => () => {
        asked[index] = (asked[index] ?? 0) + 1
        return answer
      })
    const settled: unknown[] = []
    const search = new KeySearch([source(0, undefined), source(1, 'more')], CONNECTION, {
      settled: ({ key, isCutShort }) => settled.push([key, isCutShort]),
      failed: () => undefined,
    })
    search.look(Buffer.from('a'), false)
    search.look(Buffer.from('a'), false)
    search.look(Buffer.from('ab'), false)
    search.look(Buffer.from('ab'), true)
    expect(asked).to.deep.equal([1, 2])
    expect(settled).to.deep.equal([[undefined, true]])
    search.look(Buffer.from('abc'), true)
    search.giveUp()
    expect(settled).to.have.length(1)
  })

  it('tells nobody anything once it was stopped', async () => {
    let answer: (key: string) => void = () => undefined
    const slow = new FunctionKeySource('f', () => () => new Promise<string>(resolve => (answer = resolve)))
    let told = 0
    const search = new KeySearch([slow], CONNECTION, { settled: () => told++, failed: () => told++ })
    search.look(Buffer.from('a'), false)
    search.stop()
    answer('late')
    await new Promise(setImmediate)
    search.giveUp()
    expect(told).to.equal(0)
  })

  it('has failures told once a minute for each source, not for each client', () => {
    const lines: object[] = []
    const failures = new FailureLog({ warn: (facts: object) => lines.push(facts) } as unknown as Log)
    const [one, two] = [new FunctionKeySource('one', () => () => 'x'), new FunctionKeySource('two', () => () => 'x')]
    for (let n = 0; n < 1000; n++) failures.tell(one, { listener: 'l', pool: 'p' }, new Error('no'))
    // It was to choose the pool.
    failures.tell(two, { listener: 'l', pool: undefined }, 'a text')
    expect(lines).to.have.length(2)
    expect(lines[0]).to.deep.include({ pool: 'p', source: 'one', unsaid: 0 })
    expect(lines[1]).to.deep.include({ listener: 'l', source: 'two', error: 'a text' })
  })
})
