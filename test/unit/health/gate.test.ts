import { expect } from 'chai'
import { Gate } from '../../../src/health/gate.ts'

describe('health: the gate', () => {
  it('lets so many through at a time, in order, and goes on after a failure', async () => {
    const gate = new Gate(2)
    const began: number[] = []
    let [inside, most] = [0, 0]
    const task = async (n: number): Promise<number> => {
      began.push(n)
      most = Math.max(most, ++inside)
      await new Promise(resolve => setImmediate(resolve))
      inside--
      if (n === 1) throw new Error('one of them fails')
      return n
    }
    const results = await Promise.allSettled([0, 1, 2, 3, 4].map(n => gate.pass(() => task(n))))
    expect(results.map(({ status }) => status)).to.deep.equal([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ])
    expect([began, most, inside]).to.deep.equal([[0, 1, 2, 3, 4], 2, 0])
  })
})
