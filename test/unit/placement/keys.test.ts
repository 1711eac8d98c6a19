import { expect } from 'chai'
import fc from 'fast-check'
import { native } from '../../../src/native.ts'
import { equalBackends, nativePlacement } from '../../helpers/oracle/subject.ts'

// Enough backends that different keys hardly ever meet by chance.
const BACKENDS = equalBackends(1000)

describe('affinity keys', () => {
  const keyText = (address: string, ipv4Prefix = 32, ipv6Prefix = 64): string | null =>
    native().keyText(address, ipv4Prefix, ipv6Prefix)

  it('have one canonical text', () => {
    expect(keyText('192.0.2.7')).to.equal('192.0.2.7/32')
    expect(keyText('192.0.2.7', 24)).to.equal('192.0.2.0/24')
    expect(keyText('192.0.2.7', 1)).to.equal('128.0.0.0/1')
    expect(keyText('2001:DB8:0:0:1:2:3:4')).to.equal('2001:db8::/64')
    expect(keyText('2001:db8:ff:ffff::1', 32, 44)).to.equal('2001:db8:f0::/44')
    expect(keyText('::')).to.equal('::/64')
    expect(keyText('2001:db8::1', 32, 65)).to.match(/^#[0-9a-f]{16}$/)
  })

  it('of an IPv4-mapped address are those of the IPv4 address', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 1, max: 32 }), fc.integer({ min: 1, max: 128 }), (address, v4, v6) => {
        expect(keyText(`::ffff:${address}`, v4, v6)).to.equal(keyText(address, v4, v6))
      }),
    )
    const placement = nativePlacement({ backends: BACKENDS })
    for (const address of ['192.0.2.1', '0.0.0.0', '255.255.255.255']) {
      expect(placement.home(`::ffff:${address}`)).to.equal(placement.home(address))
    }
    expect(placement.home('::ffff:c000:201')).to.equal(placement.home('192.0.2.1'))
  })

  it('of IPv4-compatible and other embedded addresses are IPv6 keys', () => {
    for (const address of ['::192.0.2.1', '64:ff9b::192.0.2.1', '::fffe:192.0.2.1', '::1:ffff:192.0.2.1']) {
      expect(keyText(address)).to.match(/::\/64$/)
    }
  })

  it('are equal within a prefix, and differ beside it', () => {
    const same = (a: string, b: string, ipv4Prefix: number, ipv6Prefix: number): boolean => {
      const placement = nativePlacement({ backends: BACKENDS, ipv4Prefix, ipv6Prefix })
      return Array.from(placement.order(a) ?? []).join() === Array.from(placement.order(b) ?? []).join()
    }
    expect(same('10.1.2.3', '10.1.2.200', 24, 64)).to.equal(true)
    expect(same('10.1.2.3', '10.1.3.3', 24, 64)).to.equal(false)
    expect(same('2001:db8::1', '2001:db8::ffff:ffff:ffff:ffff', 32, 64)).to.equal(true)
    expect(same('2001:db8::1', '2001:db8:0:1::1', 32, 64)).to.equal(false)
    expect(same('2001:db8::1', '2001:db8::2', 32, 127)).to.equal(false)
    expect(same('2001:db8::2', '2001:db8::3', 32, 127)).to.equal(true)
    expect(same('2001:db8::2', '2001:db8::3', 32, 128)).to.equal(false)
    // The last quarter of an address counts as much as the first.
    expect(same('2001:db8::1:0:0', '2001:db8::2:0:0', 32, 96)).to.equal(false)
    expect(same('2001:db8::1', '2001:db8::2:1', 32, 128)).to.equal(false)
  })

  it('are refused for what is no address', () => {
    const placement = nativePlacement({ backends: BACKENDS })
    const texts = [
      '',
      ' ',
      'localhost',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.256',
      '01.2.3.4',
      '1.2.3.4 ',
      '1.2.3.4\0',
      '0x1.2.3.4',
    ]
    const more = [
      '1.2.3.4:80',
      '1.2.3.4/32',
      ':::',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1::2::3',
      'fe80::1%eth0',
      '[::1]',
    ]
    for (const text of [...texts, ...more, '::ffff:1.2.3.256', '12345::', 'g::', '1'.repeat(100), '１.2.3.4']) {
      expect(placement.home(text), JSON.stringify(text)).to.equal(-2)
      expect(placement.order(text), JSON.stringify(text)).to.equal(null)
      expect(keyText(text), JSON.stringify(text)).to.equal(null)
    }
  })

  it('of no bytes, or of too many, do not exist', () => {
    const placement = nativePlacement({ backends: BACKENDS })
    expect(placement.homeOfBytes(new Uint8Array(0))).to.equal(-2)
    expect(placement.homeOfBytes(new Uint8Array(65_537))).to.equal(-2)
    expect(placement.homeOfBytes(new Uint8Array(65_536))).to.be.at.least(0)
  })
})
