import { Socket } from 'node:net'
import { expect } from 'chai'
import type { Balancer } from '../../src/balancer.ts'
import type { BalancerStatus } from '../../src/balancer-types.ts'
import { ask, cleanUp, makeBalancer, portOf, rejection, startBackend } from './helpers.ts'

const BACKENDS = [{ name: 'a', address: '127.0.0.1:9' }]

/** Brings a balancer into each state; what it does there happens before the state can change. */
const STATES: Record<BalancerStatus, (act: (balancer: Balancer) => unknown) => Promise<unknown>> = {
  idle: async act => act(makeBalancer({ backends: BACKENDS })),
  opening: async act => {
    const balancer = makeBalancer({ backends: BACKENDS })
    const opening = balancer.listen().catch(() => undefined)
    const result = act(balancer)
    await opening
    return result
  },
  listening: async act => {
    const balancer = makeBalancer({ backends: BACKENDS })
    await balancer.listen()
    return act(balancer)
  },
  closing: async act => {
    const balancer = makeBalancer({ backends: BACKENDS })
    await balancer.listen()
    const closing = balancer.close()
    const result = act(balancer)
    await closing
    return result
  },
  closed: async act => {
    const balancer = makeBalancer({ backends: BACKENDS })
    await balancer.listen()
    await balancer.close()
    return act(balancer)
  },
}

const OK = 'ok'
const WRONG = 'LIMPET_ERR_INVALID_STATE'
type Outcome = typeof OK | typeof WRONG | 'LIMPET_ERR_SOCKET_NOT_TAKEN'
type Method = (balancer: Balancer) => unknown

/** What each method does in idle, opening, listening, closing and closed. */
const TABLE: [string, Method, Outcome[]][] = [
  ['listen', balancer => balancer.listen(), [OK, WRONG, WRONG, WRONG, WRONG]],
  ['close', balancer => balancer.close(), [OK, OK, OK, OK, OK]],
  ['destroy', balancer => balancer.destroy(), [OK, OK, OK, OK, OK]],
  ['asyncDispose', balancer => balancer[Symbol.asyncDispose](), [OK, OK, OK, OK, OK]],
  ['address', balancer => balancer.address(), [OK, OK, OK, OK, OK]],
  ['pool', balancer => balancer.pool('p').name, [OK, OK, OK, OK, OK]],
  ['pool.digest', balancer => balancer.pool().digest, [OK, OK, OK, OK, OK]],
  ['pick', balancer => balancer.pick('192.0.2.1').release(), [OK, OK, OK, OK, WRONG]],
  ['pool.explain', balancer => balancer.pool().explain('192.0.2.1'), [OK, OK, OK, OK, WRONG]],
  ['pool.backends', balancer => balancer.pool().backends(), [OK, OK, OK, OK, WRONG]],
  ['pool.add', balancer => balancer.pool().add({ name: 'z', address: '127.0.0.1:9' }), [OK, OK, OK, OK, WRONG]],
  ['pool.update', balancer => balancer.pool().update('a', { weight: 2 }), [OK, OK, OK, OK, WRONG]],
  ['pool.remove', balancer => balancer.pool().remove('a'), [OK, OK, OK, OK, WRONG]],
  ['stats', balancer => balancer.stats(), [OK, OK, OK, OK, OK]],
  // A socket that is not connected: where handle() may be called at all, it says so.
  ['handle', balancer => balancer.handle(new Socket()), [WRONG, WRONG, 'LIMPET_ERR_SOCKET_NOT_TAKEN', WRONG, WRONG]],
]

async function outcome(method: Method, balancer: Balancer): Promise<unknown> {
  try {
    await method(balancer)
    return OK
  } catch (error) {
    return (error as { code?: unknown }).code ?? error
  }
}

describe('every method in every state', () => {
  afterEach(cleanUp)

  for (const [name, method, outcomes] of TABLE) {
    for (const [index, state] of (Object.keys(STATES) as BalancerStatus[]).entries()) {
      it(`${name} while ${state}: ${outcomes[index]}`, async () => {
        const seen = await STATES[state](balancer => {
          expect(balancer.status).to.equal(state)
          return outcome(method, balancer)
        })
        expect(seen).to.equal(outcomes[index])
      })
    }
  }
})

describe('status and events', () => {
  afterEach(cleanUp)

  it('goes through its states and tells of them', async () => {
    const backend = await startBackend()
    const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] })
    const seen: string[] = []
    balancer.on('listening', () => seen.push(`listening event, ${balancer.status}`))
    const closed = new Promise<void>(resolve => balancer.once('close', resolve))
    seen.push(balancer.status)
    const opening = balancer.listen()
    seen.push(balancer.status)
    await opening
    expect(await ask(portOf(balancer), 'x')).to.equal('hello x')
    const closing = balancer.close()
    seen.push(balancer.status)
    await closing
    seen.push(balancer.status)
    await closed
    expect(seen).to.deep.equal(['idle', 'opening', 'listening event, listening', 'closing', 'closed'])
  })

  it('does not tell that it listens when it was closed before it could', async () => {
    const balancer = makeBalancer({ backends: BACKENDS })
    const seen: string[] = []
    balancer.on('listening', () => seen.push('listening'))
    const closed = new Promise<void>(resolve => balancer.once('close', resolve))
    await balancer.listen()
    await balancer.destroy()
    await closed
    expect(seen).to.deep.equal([])
  })

  it('gives every close() the result of the first one', async () => {
    const balancer = makeBalancer({ backends: BACKENDS })
    await balancer.listen()
    const results = await Promise.all([balancer.close(), balancer.close({ timeoutMs: 0 })])
    expect(results[0]).to.deep.equal({ finished: 0, cut: 0 }).and.to.equal(results[1])
    expect(await balancer.close()).to.equal(results[0])
  })

  it('closes while it opens: listen() rejects, nothing stays open', async () => {
    const balancer = makeBalancer({ backends: BACKENDS })
    const opening = rejection(balancer.listen())
    await balancer.close()
    expect((await opening).code).to.equal('LIMPET_ERR_INVALID_STATE')
    expect(balancer.status).to.equal('closed')
    expect(balancer.address()).to.equal(null)
  })

  it('is idle again after a listen() that failed, and can be opened then', async () => {
    const taken = await startBackend()
    const balancer = makeBalancer(
      { backends: BACKENDS },
      { listeners: [{ name: 'l', bind: taken.address, pool: 'p' }] },
    )
    const error = await rejection(balancer.listen())
    expect(error).to.include({
      code: 'EADDRINUSE',
      syscall: 'listen',
      address: '127.0.0.1',
      port: taken.port,
      listener: 'l',
    })
    expect(balancer.status).to.equal('idle')
    await cleanServer(taken)
    await balancer.listen()
    expect(balancer.status).to.equal('listening')
  })

  it('keeps the last figures when it is closed', async () => {
    const backend = await startBackend()
    const balancer = makeBalancer({ backends: [{ name: 'a', address: backend.address }] })
    await balancer.listen()
    await ask(portOf(balancer), 'x')
    await balancer.close()
    expect(balancer.stats().counters).to.include({
      accepted: 1,
      opened: 1,
      endFinished: 1,
      bytesToBackend: 1,
      bytesToClient: 7,
    })
    expect(JSON.parse(JSON.stringify(balancer.stats()))).to.deep.equal(balancer.stats())
  })

  it('has no figures when it was closed before it was used', async () => {
    const balancer = makeBalancer({ backends: BACKENDS })
    await balancer.close()
    expect(() => balancer.stats())
      .to.throw()
      .with.property('code', WRONG)
  })
})

async function cleanServer({ server }: { server: { close(done: () => void): unknown } }): Promise<void> {
  await new Promise<void>(resolve => server.close(resolve))
}
