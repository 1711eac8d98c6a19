import { expect } from 'chai'
import fc from 'fast-check'
import { Balancer } from '../../src/balancer.ts'
import type { Decision } from '../../src/index.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const
const CLIENTS = Array.from({ length: 12 }, (_, index) => `198.51.100.${index}`)

const state = fc.constantFrom('ready' as const, 'drain' as const, 'drain-hard' as const, 'maint' as const)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ client: fc.constantFrom(...CLIENTS) }) },
  { weight: 2, arbitrary: fc.record({ release: fc.nat(30), failed: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      name: fc.constantFrom(...NAMES),
      changes: fc.record(
        { state, weight: fc.nat(3), maxSessions: fc.nat(4), backup: fc.boolean() },
        { requiredKeys: [] },
      ),
    }),
  },
)
const settings = fc.record({
  boundedLoad: fc.constantFrom(1, 1.25, 'off' as const),
  returnHome: fc.constantFrom('never' as const, 'next-connect' as const, 'after-idle' as const),
  hasTable: fc.boolean(),
})

describe('the next pick that is explained', () => {
  it('is the one that is made', () => {
    fc.assert(
      fc.property(settings, fc.array(step, { maxLength: 60 }), ({ hasTable, ...settings }, steps) => {
        const balancer = new Balancer({
          pools: {
            p: {
              ...settings,
              secret: 'a secret of tests',
              stickTable: hasTable ? { size: 1000 } : 'off',
              backends: NAMES.map((name, index) => ({ name, address: `127.0.0.1:${9000 + index}` })),
            },
          },
          log: { level: 'silent' },
        })
        const pool = balancer.pool()
        const open: Decision[] = []
        for (const step of steps) {
          if ('name' in step) pool.update(step.name, step.changes)
          else if ('release' in step) {
            const [decision] = open.splice(step.release % Math.max(1, open.length), 1)
            decision?.release({ failed: step.failed })
          } else {
            const { next } = pool.explain(step.client)
            let made: Decision | undefined
            try {
              made = pool.pick(step.client)
              open.push(made)
            } catch {
              made = undefined
            }
            expect(next && [next.backend, next.reason]).to.deep.equal(made && [made.backend, made.reason])
          }
        }
        balancer.destroy()
      }),
    )
  })

  it('has what is on the backend', () => {
    const backends = NAMES.map((name, index) => ({ name, address: `127.0.0.1:${9000 + index}` }))
    const pool = new Balancer({
      pools: { p: { secret: 'a secret of tests', backends } },
      log: { level: 'silent' },
    }).pool()
    const { home = '', next } = pool.explain('192.0.2.1')
    expect(next).to.deep.equal({ backend: home, reason: 'home', sessions: 0, bound: 1 })
    const decision = pool.pick('192.0.2.1')
    expect(pool.explain('192.0.2.1').next).to.deep.equal({ backend: home, reason: 'pin', sessions: 1, bound: 1 })
    decision.release()
  })
})
