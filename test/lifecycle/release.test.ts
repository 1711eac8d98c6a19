import { readdirSync } from 'node:fs'
import { expect } from 'chai'
import { Balancer, type BalancerOptions } from '../../src/index.ts'

const OPTIONS: BalancerOptions = {
  log: { level: 'silent' },
  listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p' }],
  pools: {
    p: {
      secret: 'of no importance',
      stickTable: { size: 1000, ttl: '1m' },
      backends: [{ name: 'a', address: '127.0.0.1:1' }],
    },
  },
}

const descriptors = (): number => readdirSync('/proc/self/fd').length

describe('closed balancers', () => {
  // Descriptors and thread numbers were once freed by the garbage collector: the 64th balancer could not listen.
  it('keep neither descriptors nor threads, though somebody keeps them', async function () {
    if (process.platform !== 'linux') this.skip()
    const kept: Balancer[] = []
    const cycle = async (): Promise<void> => {
      const balancer = new Balancer(OPTIONS)
      kept.push(balancer)
      await balancer.listen()
      await balancer.destroy()
    }
    await cycle()
    const before = descriptors()
    for (let i = 0; i < 150; i++) await cycle()
    expect(descriptors()).to.be.at.most(before + 2)
    expect(kept.every(({ status }) => status === 'closed')).to.equal(true)
  })
})
