import { expect } from 'chai'
import { explainMany } from './explain-many.ts'
import { cleanUp } from './helpers.ts'

describe('cli: explain of a million lines', () => {
  after(cleanUp)

  it('takes seconds', async () => {
    expect(await explainMany(1_000_000)).to.be.below(30_000)
  })
})
