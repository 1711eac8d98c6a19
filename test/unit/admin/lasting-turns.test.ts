import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import { LastingTurns } from '../../../src/admin/lasting-turns.ts'

describe('changes of the admin API', () => {
  it('are answered when they are kept, and hold up no other till then', async () => {
    let keep = (): void => undefined
    const kept = new Promise<void>(resolve => {
      keep = resolve
    })
    const turns = new LastingTurns(() => kept)
    const done: string[] = []
    const first = turns.take(() => done.push('first is done')).then(() => done.push('first is answered'))
    const second = turns.take(() => done.push('second is done'))
    await setImmediate()
    expect(done).to.deep.equal(['first is done', 'second is done'])
    keep()
    await Promise.all([first, second])
    expect(done.at(-1)).to.equal('first is answered')
  })

  it('that are refused are told at once', async () => {
    const turns = new LastingTurns(() => Promise.reject(new Error('nothing is to be kept')))
    const refused = await turns
      .take(() => {
        throw new RangeError('no')
      })
      .catch((error: unknown) => error)
    expect(refused).to.be.instanceOf(RangeError)
  })
})
