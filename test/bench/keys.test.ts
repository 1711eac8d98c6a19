// A quick run of `bench keys`: that every kind is found in its head, by this Limpet.
import { expect } from 'chai'
import { benchKeys } from '../../src/bench/keys/index.ts'
import { TEST_MS } from '../helpers/wait.ts'

describe('bench: keys', function () {
  this.timeout(TEST_MS)

  it('measures a kind of each way of finding, and refuses those without a key', async () => {
    const notes: string[] = []
    const kinds = ['source+head', 'tls.sni', 'http.header:x-user', 'lengthPrefixed', 'proxy.authority']
    const { series } = await benchKeys(
      {
        rounds: 1,
        quick: true,
        signal: new AbortController().signal,
        plan: () => undefined,
        step: () => undefined,
        note: text => notes.push(text),
      },
      { kinds },
    )
    const costs = series.filter(({ metric }) => metric === 'process CPU')
    expect(costs.map(({ subject }) => subject)).to.deep.equal(kinds)
    for (const { samples } of costs) expect(samples[0], notes.join('\n')).to.be.a('number').that.is.greaterThan(0)
  })
})
