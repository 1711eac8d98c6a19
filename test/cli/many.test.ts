import { explainMany } from './explain-many.ts'
import { cleanUp } from './helpers.ts'

describe('cli: explain of many lines', () => {
  after(cleanUp)

  it('answers each', async () => {
    await explainMany(50_000)
  })
})
