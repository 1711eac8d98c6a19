import { expect } from 'chai'
import { BURST, INTERVAL_MS, WrongTokens } from '../../../src/admin/wrong-tokens.ts'

describe('wrong tokens', () => {
  let now = 0
  let told: string[] = []
  const make = (): WrongTokens => {
    now = 1000
    told = []
    return new WrongTokens(
      address => told.push(address),
      () => now,
    )
  }
  const countMany = (tokens: WrongTokens, address: string, count: number): void => {
    for (let i = 0; i < count; i++) tokens.count(address)
  }

  it('may be so many at once, and then one an interval', () => {
    const tokens = make()
    countMany(tokens, '192.0.2.1', BURST - 1)
    expect([tokens.waitMs('192.0.2.1'), told]).to.deep.equal([0, []])
    tokens.count('192.0.2.1')
    expect([tokens.waitMs('192.0.2.1'), told]).to.deep.equal([INTERVAL_MS, ['192.0.2.1']])
    now += INTERVAL_MS - 1
    expect(tokens.waitMs('192.0.2.1')).to.equal(1)
    now += 1
    expect(tokens.waitMs('192.0.2.1')).to.equal(0)
    tokens.count('192.0.2.1')
    expect(tokens.waitMs('192.0.2.1')).to.equal(INTERVAL_MS)
    now += INTERVAL_MS * BURST
    countMany(tokens, '192.0.2.1', BURST - 1)
    expect(tokens.waitMs('192.0.2.1')).to.equal(0)
  })

  it('count for their address, of IPv6 for its /64, and for nobody else', () => {
    const tokens = make()
    countMany(tokens, '2001:db8:0:1::1', BURST)
    countMany(tokens, '::ffff:192.0.2.1', BURST)
    for (const held of ['2001:db8:0:1::1', '2001:db8:0:1:ffff::2', '192.0.2.1'])
      expect(tokens.waitMs(held), held).to.equal(INTERVAL_MS)
    for (const free of ['2001:db8:0:2::1', '192.0.2.2', '::1']) expect(tokens.waitMs(free), free).to.equal(0)
  })

  it('are told once a minute', () => {
    const tokens = make()
    countMany(tokens, '192.0.2.1', BURST + 5)
    countMany(tokens, '192.0.2.2', BURST + 5)
    expect(told).to.deep.equal(['192.0.2.1'])
    now += 60_000
    countMany(tokens, '192.0.2.2', BURST)
    expect(told).to.deep.equal(['192.0.2.1', '192.0.2.2'])
  })

  it('are remembered of so many addresses, the latest ones', () => {
    const tokens = make()
    const address = (number: number): string => `10.0.${number >> 8}.${number & 255}`
    for (let number = 0; number < 4096; number++) countMany(tokens, address(number), BURST)
    tokens.count(address(0))
    tokens.count('192.0.2.1')
    expect(tokens.waitMs(address(0))).to.equal(2 * INTERVAL_MS)
    expect(tokens.waitMs(address(1))).to.equal(0)
    expect(tokens.waitMs(address(2))).to.equal(INTERVAL_MS)
  })
})
