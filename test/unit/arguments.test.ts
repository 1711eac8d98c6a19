import { Socket } from 'node:net'
import { expect } from 'chai'
import type { Balancer } from '../../src/balancer.ts'
import { type BalancerOptions, loadConfig, Placement, parseConfig, StickTable } from '../../src/index.ts'
import { afterTest, cleanUp, makeBalancer, rejection, thrownCode } from '../lifecycle/helpers.ts'

const TYPE = 'ERR_INVALID_ARG_TYPE'
const nothing = null as never
const left = undefined as never
const POOL = { secret: 'a secret of tests', backends: [{ name: 'a', address: '127.0.0.1:9' }] }

describe('mistakes of a program', () => {
  afterEach(cleanUp)

  const thrown: [string, () => unknown, string][] = [
    ['new Placement()', () => new Placement(left), TYPE],
    ['new Placement(null)', () => new Placement(nothing), TYPE],
    ['new Placement({})', () => new Placement({} as never), TYPE],
    ['new Placement({ backends: null })', () => new Placement({ backends: nothing }), TYPE],
    ['new Placement({ backends: [null] })', () => new Placement({ backends: [nothing] }), TYPE],
    ['new StickTable()', () => new StickTable(left), TYPE],
    ['new StickTable([])', () => new StickTable([] as never), TYPE],
    ['parseConfig(text, null)', () => parseConfig('', nothing), TYPE],
    ['pick(address, null)', () => makeBalancer(POOL).pick('192.0.2.1', nothing), TYPE],
    ['pool().add(null)', () => makeBalancer(POOL).pool().add(nothing), 'LIMPET_ERR_CONFIG'],
    ['pool().add()', () => makeBalancer(POOL).pool().add(left), 'LIMPET_ERR_CONFIG'],
    ['pool().update(name, null)', () => makeBalancer(POOL).pool().update('a', nothing), 'LIMPET_ERR_CONFIG'],
  ]
  for (const [what, act, code] of thrown) it(`${what}: ${code}`, () => expect(thrownCode(act)).to.equal(code))

  it('release(null) leaves the seat as it is', () => {
    const decision = makeBalancer(POOL).pick('192.0.2.1')
    expect(thrownCode(() => decision.release(nothing))).to.equal(TYPE)
    expect(decision.released).to.equal(false)
    decision.release()
    expect(thrownCode(() => decision.release(nothing))).to.equal(TYPE)
  })

  const rejected: [string, (balancer: Balancer) => Promise<unknown>][] = [
    ['loadConfig(path, null)', () => loadConfig('/no/such/file', nothing)],
    ['listen(null)', balancer => balancer.listen(nothing)],
    ['listen({ signal: {} })', balancer => balancer.listen({ signal: {} as never })],
    ['listen({ signal: null })', balancer => balancer.listen({ signal: nothing })],
    ['close(null)', balancer => balancer.close(nothing)],
    ['close({ signal: {} })', balancer => balancer.close({ signal: {} as never })],
    ['close({ signal: null })', balancer => balancer.close({ signal: nothing })],
  ]
  for (const [what, act] of rejected) {
    it(`${what} changes no state`, async () => {
      const balancer = makeBalancer(POOL)
      expect(await rejection(act(balancer)))
        .to.be.instanceOf(TypeError)
        .with.property('code', TYPE)
      expect(balancer.status).to.equal('idle')
      await balancer.listen()
      expect(await rejection(act(balancer))).to.have.property('code', TYPE)
      expect(balancer.status).to.equal('listening')
    })
  }

  it('handle(socket, null) leaves the socket as it is', async () => {
    const balancer = makeBalancer(POOL)
    await balancer.listen()
    const socket = new Socket()
    afterTest(() => socket.destroy())
    expect(thrownCode(() => balancer.handle(socket, nothing))).to.equal(TYPE)
    expect(socket.destroyed).to.equal(false)
  })
})

describe('what looks like a configuration that was checked', () => {
  afterEach(cleanUp)

  it('is checked all the same', () => {
    const made = { listeners: [], pools: new Map([['p', {}]]), warnings: [] } as unknown as BalancerOptions
    expect(thrownCode(() => makeBalancer(POOL, made))).to.equal('LIMPET_ERR_CONFIG')
    const copy = { ...parseConfig('pools: { p: { } }') } as unknown as BalancerOptions
    expect(thrownCode(() => makeBalancer(POOL, copy))).to.equal('LIMPET_ERR_CONFIG')
  })
})
