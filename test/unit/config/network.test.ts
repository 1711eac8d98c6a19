import { expect } from 'chai'
import fc from 'fast-check'
import { NETWORK_PATTERN, readNetwork } from '../../../src/config/network.ts'
import { native } from '../../../src/native.ts'
import { linesOf } from './helpers.ts'

function read(value: unknown): string {
  const parsed = readNetwork(value)
  return 'value' in parsed ? parsed.value : `${parsed.refusal.message}|${parsed.refusal.accepted}`
}

describe('networks', () => {
  it('are read to their canonical text', () => {
    const cases: [string, string][] = [
      ['192.0.2.7', '192.0.2.7/32'],
      ['10.0.0.0/8', '10.0.0.0/8'],
      ['0.0.0.0/0', '0.0.0.0/0'],
      ['255.255.255.255/32', '255.255.255.255/32'],
      ['2001:DB8::/32', '2001:db8::/32'],
      ['2001:db8:0:0:0:0:0:1', '2001:db8::1/128'],
      ['::/0', '::/0'],
      ['::1', '::1/128'],
      ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
      ['::ffff:c000:207', '192.0.2.7/32'],
      ['::ffff:0:0/96', '0.0.0.0/0'],
      ['::192.0.2.7', '::c000:207/128'],
      ['1:2:3:4:5:6:7:8/128', '1:2:3:4:5:6:7:8/128'],
      ['fe80::/10', 'fe80::/10'],
    ]
    for (const [text, network] of cases) {
      expect(read(text), text).to.equal(network)
      expect(read(network), network).to.equal(network)
      expect(text).to.match(new RegExp(NETWORK_PATTERN))
    }
  })

  it('have no bits behind those that count', () => {
    expect(read('10.1.2.3/8')).to.match(
      /^"10.1.2.3\/8" has bits behind the first 8\|10.0.0.0\/8, or the address alone$/,
    )
    expect(read('2001:db8::1/32')).to.match(/\|2001:db8::\/32, or/)
    expect(read('::ffff:10.1.2.3/104')).to.match(/\|10.0.0.0\/8, or/)
  })

  it('are refused when they are none', () => {
    const texts = [
      '',
      '/8',
      '10.0.0.0/',
      '10.0.0.0/33',
      '10.0.0.0/08',
      '10.0.0.0/-1',
      '10.0.0/8',
      '::/129',
      'localhost',
    ]
    for (const text of texts) expect(read(text), text).to.match(/is not an IP address|is not a number of bits/)
    expect(read('fe80::1%lo')).to.contain('zone')
    for (const value of [7, null, true, ['10.0.0.0/8'], { from: '10.0.0.0/8' }]) expect(read(value)).to.contain('|')
  })

  it('of every address and number of bits mean to the core what they mean here', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6())
    fc.assert(
      fc.property(address, address, fc.nat(128), (text, other, most) => {
        const bits = Math.min(most, text.includes(':') ? 128 : 32)
        const parsed = readNetwork(`${text}/${bits}`)
        // Where there are bits behind, what would be accepted is that network.
        const network = 'value' in parsed ? parsed.value : (parsed.refusal.accepted?.split(',', 1)[0] ?? '')
        const filter = new (native().AddressFilter)([network], [])
        expect(filter.permits(text), `${text} in ${network}`).to.equal(true)
        const sameFamily = network.includes(':') === other.includes(':')
        if (!sameFamily || network.includes(':')) return
        const shift = 2 ** (32 - Number(network.split('/')[1]))
        const number = (ip: string): number => ip.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0)
        const inside = Math.floor(number(other) / shift) === Math.floor(number(text) / shift)
        expect(filter.permits(other), `${other} in ${network}`).to.equal(inside)
      }),
    )
  })

  it('are told with their place in the file', () => {
    const text = [
      'listeners:',
      '  - name: l',
      '    bind: ":1"',
      '    pool: p',
      '    allow: [10.0.0.0/8, 10.0.0.0/33]',
      '    deny:',
      '      - 192.0.2.300',
      '      - "2001:db8::1/32"',
      'pools:',
      '  p: { secret: 12345678 }',
    ].join('\n')
    expect(linesOf(text.replace('12345678', '"12345678"')).map(line => line.split('. ', 1)[0])).to.deep.equal([
      'limpet.yaml:5:25: listeners[0].allow[1]: "33" is not a number of bits from 0 to 32',
      'limpet.yaml:7:9: listeners[0].deny[0]: "192.0.2.300" is not an IP address',
      'limpet.yaml:8:9: listeners[0].deny[1]: "2001:db8::1/32" has bits behind the first 32',
    ])
  })
})
