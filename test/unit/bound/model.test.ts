import { expect } from 'chai'
import fc from 'fast-check'
import { type NativePool, Outcome } from '../../../src/native.ts'
import { type ModelBackend, ModelPicker, type ModelSeat } from '../../helpers/oracle/picker.ts'
import { gauges, loads, unpack } from '../../helpers/oracle/picks.ts'
import type { OraclePlacement } from '../../helpers/oracle/placement.ts'
import { nativePool, oraclePlacement, setBackend } from '../../helpers/oracle/subject.ts'
import { rounds } from '../../helpers/soak.ts'

const BACKEND = fc.record({
  name: fc.integer({ min: 0, max: 5 }).map(i => `b${i}`),
  weight: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.constantFrom(0, 65_535)),
  maxSessions: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 6 })),
  state: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 2 })),
})

/** What other balancers say, which need have nothing to do with what is here. */
const PEERS = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 8 }) },
  fc.integer({ min: 0, max: 100 }),
  fc.constant(2 ** 32 - 1),
)

const OPERATION = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record({
      do: fc.constant('pick' as const),
      key: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 4, max: 30 })),
    }),
  },
  { weight: 25, arbitrary: fc.record({ do: fc.constantFrom('confirm', 'serve', 'fail', 'abandon'), which: fc.nat() }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('set' as const), backend: BACKEND }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), which: fc.nat() }) },
  { weight: 8, arbitrary: fc.record({ peers: fc.array(PEERS, { maxLength: 6 }) }) },
)
type Operation = typeof OPERATION extends fc.Arbitrary<infer T> ? T : never

const SETUP = fc.record({
  algorithm: fc.constantFrom('rendezvous' as const, 'ring' as const),
  factor: fc.constantFrom(0, 1, 1.05, 1.25, 2, 1000),
  table: fc.boolean(),
  returnHome: fc.constantFrom('never' as const, 'next-connect' as const, 'after-idle' as const),
  backends: fc.uniqueArray(
    BACKEND.map(backend => ({ ...backend, weight: backend.weight % 5 })),
    { minLength: 1, selector: ({ name }) => name },
  ),
})
type Setup = typeof SETUP extends fc.Arbitrary<infer T> ? T : never

/** The native pool and the model side by side: every operation goes to both. */
class Pair {
  readonly #setup: Setup
  readonly #pool: NativePool
  readonly #model: ModelPicker
  readonly #held: { handle: number; seat: ModelSeat }[] = []
  readonly #indexes = new Map<number, ModelBackend>()
  #placement: OraclePlacement

  constructor(setup: Setup) {
    this.#setup = setup
    const { algorithm, factor, table, returnHome } = setup
    const rule = ['never', 'next-connect', 'after-idle'].indexOf(returnHome)
    this.#pool = nativePool({ algorithm, factor, tableSize: table ? 1000 : 0, returnHome: rule, backends: [] })
    this.#placement = oraclePlacement({ algorithm, backends: [] })
    this.#model = new ModelPicker(key => this.#placement.order(key), factor * 1000, table, returnHome)
    for (const backend of setup.backends) this.#set(backend)
    this.#publish()
  }

  run(operation: Operation): void {
    if ('key' in operation) this.#pick(`192.0.2.${operation.key}`)
    else if ('backend' in operation) this.#set(operation.backend)
    else if ('peers' in operation) this.#tell(operation.peers)
    else if (operation.do === 'remove') this.#remove(operation.which)
    else if (operation.do === 'confirm') this.#confirm(operation.which)
    else this.#end(operation.do, operation.which)
    if ('backend' in operation || ('do' in operation && operation.do === 'remove')) this.#publish()
    this.#compareLoads()
  }

  /** What is left at the end gives everything back. */
  finish(): void {
    while (this.#held.length > 0) this.#end('serve', 0)
    this.#compareLoads()
    expect(gauges(this.#pool)).to.include({ seats: 0, outstanding: 0 })
    this.#pool.close()
  }

  #pick(address: string): void {
    const native = unpack(this.#pool.pick(address))
    const model = this.#model.pick(address)
    if (typeof native === 'string' || typeof model === 'string') {
      expect(native).to.equal(model)
      return
    }
    expect([this.#indexes.get(native.backend)?.name, native.reason]).to.deep.equal([model.backend.name, model.reason])
    this.#held.push({ handle: native.handle, seat: model })
    this.#comparePin(address)
  }

  #confirm(which: number): void {
    const { handle, seat } = this.#held[which % Math.max(1, this.#held.length)] ?? {}
    if (handle === undefined || seat === undefined || seat.established) return
    this.#pool.confirm(handle)
    this.#model.confirm(seat)
    this.#comparePin(seat.key)
  }

  #end(how: string, which: number): void {
    const [ended] = this.#held.splice(which % Math.max(1, this.#held.length), 1)
    if (ended === undefined) return
    this.#pool.release(
      ended.handle,
      how === 'serve' ? Outcome.served : how === 'fail' ? Outcome.failed : Outcome.abandoned,
    )
    if (how === 'serve') this.#model.serve(ended.seat)
    else this.#model.fail(ended.seat)
    this.#comparePin(ended.seat.key)
  }

  #set({ name, weight, maxSessions, state }: Omit<ModelBackend, 'sessions' | 'peers'>): void {
    // A weight of 65,535 is 10 million points.
    const fitting = this.#setup.algorithm === 'ring' ? weight % 5 : weight
    const index = setBackend(this.#pool, name, fitting, maxSessions, state)
    const known = this.#model.backends.get(name)
    if (known !== undefined) {
      Object.assign(known, { weight: fitting, maxSessions, state })
      return
    }
    const backend = { name, weight: fitting, maxSessions, state, sessions: 0, peers: 0 }
    this.#model.backends.set(name, backend)
    this.#indexes.set(index, backend)
  }

  #tell(peers: readonly number[]): void {
    this.#pool.setPeerSessions(Uint32Array.from(peers))
    for (const [index, backend] of this.#indexes) backend.peers = peers[index] ?? 0
  }

  #remove(which: number): void {
    const names = [...this.#model.backends.keys()]
    const name = names[which % Math.max(1, names.length)]
    if (name === undefined) return
    expect(this.#pool.removeBackend(name)).to.equal(true)
    this.#model.backends.delete(name)
  }

  #publish(): void {
    this.#pool.publish()
    const backends = [...this.#model.backends.values()]
    this.#placement = oraclePlacement({ algorithm: this.#setup.algorithm, backends: backends.map(one => ({ ...one })) })
  }

  #comparePin(address: string): void {
    const pin = this.#indexes.get(this.#pool.explain(address)?.pin ?? -1)
    expect(pin?.name, `pin of ${address}`).to.equal(this.#model.pinned(address)?.name)
  }

  #compareLoads(): void {
    const native = loads(this.#pool, 64)
    for (const [index, { name, sessions }] of this.#indexes) {
      if (native[index] !== sessions) expect(native[index], `sessions of ${name}`).to.equal(sessions)
    }
    expect(gauges(this.#pool).seats).to.equal(this.#held.length)
  }
}

describe('the picker', () => {
  it('does what its model does, for any picks, ends and changes of membership', () => {
    fc.assert(
      fc.property(SETUP, fc.array(OPERATION, { minLength: 1, maxLength: 200 }), (setup, operations) => {
        const pair = new Pair(setup)
        for (const operation of operations) pair.run(operation)
        pair.finish()
      }),
      { numRuns: rounds(120, 400) },
    )
  })
})
