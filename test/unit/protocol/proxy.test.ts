import { expect } from 'chai'
import fc from 'fast-check'
import { decodeProxy, encodeProxy, PROXY_FAULTS, PROXY_TLV, type ProxyHeader } from '../../../src/protocol/proxy.ts'
import { balena, builder, type Route, written } from '../../helpers/proxy-codecs.ts'

const IPV4: Route = { source: '192.0.2.1', sourcePort: 56_324, destination: '198.51.100.11', destinationPort: 443 }
const IPV6: Route = {
  source: '2001:db8::17',
  sourcePort: 1,
  destination: '2001:db8:1:2:3:4:5:6',
  destinationPort: 65_535,
}

const encode = (version: 1 | 2, route: Route): Buffer =>
  encodeProxy({
    version,
    source: { address: route.source, port: route.sourcePort },
    destination: { address: route.destination, port: route.destinationPort },
  })

const complete = (head: Buffer): ProxyHeader => {
  const verdict = decodeProxy(Buffer.concat([head, Buffer.from('hello')]))
  if (verdict.status !== 'complete') throw new Error(JSON.stringify(verdict))
  expect(verdict.length).to.equal(head.length)
  return verdict.header
}

const routeOf = ({ source, destination }: ProxyHeader): Route | undefined => {
  if (source === undefined || destination === undefined || 'path' in source || 'path' in destination) return undefined
  const [sourcePort, destinationPort] = [source.port, destination.port]
  return plain({ source: source.address, sourcePort, destination: destination.address, destinationPort })
}

const plain = (route: Route | undefined): Route | undefined =>
  route && { ...route, source: written(route.source), destination: written(route.destination) }

const ports = fc.integer({ min: 0, max: 65_535 })
const routes = (addresses: fc.Arbitrary<string>): fc.Arbitrary<Route> =>
  fc.record({ source: addresses, sourcePort: ports, destination: addresses, destinationPort: ports })
const ipv4 = fc.ipV4()
// Never IPv4-mapped.
const ipv6 = fc
  .array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 })
  .map(groups => groups.map(group => group.toString(16)).join(':'))

describe('PROXY protocol', () => {
  it('needs more until the header is there, and not a byte of what follows', () => {
    for (const head of [encode(1, IPV4), encode(2, IPV6)]) {
      for (let size = 0; size < head.length; size++) {
        expect(decodeProxy(head.subarray(0, size))).to.deep.equal({ status: 'more' })
      }
      expect(decodeProxy(head)).to.have.property('status', 'complete')
    }
  })

  it('gives what a header says, TLVs as views of the bytes', () => {
    const tlvs = [
      { type: PROXY_TLV.authority, value: Buffer.from('a.example') },
      { type: PROXY_TLV.aws, value: Buffer.from('\x01vpce-08d2bf15fac5001c9') },
      { type: 0xe0, value: Buffer.alloc(0) },
    ]
    const source = { address: '192.0.2.1', port: 1 }
    const head = encodeProxy({ version: 2, source, destination: source, tlvs, checksum: true })
    const header = complete(head)
    expect(header).to.include({ version: 2, command: 'proxy', transport: 'stream' })
    expect(header).to.deep.include({ source, destination: source })
    expect(header.tlvs.map(({ type }) => type)).to.deep.equal([2, 0xea, 0xe0, PROXY_TLV.checksum])
    expect(header.tlvs.slice(0, 3).map(({ value }) => Buffer.from(value))).to.deep.equal(tlvs.map(({ value }) => value))
  })

  it('takes paths of unix sockets, abstract ones too', () => {
    const source = { path: Buffer.from('\0name') }
    const destination = { path: Buffer.alloc(108, 'p') }
    const header = complete(encodeProxy({ version: 2, source, destination, transport: 'datagram' }))
    expect(header).to.deep.include({ source, destination, transport: 'datagram' })
    const unnamed = { path: Buffer.alloc(0) }
    expect(complete(encodeProxy({ version: 2, source: unnamed, destination }))).to.deep.include({ source: unnamed })
  })

  it('drops the zone of an address, and takes a mapped one for what it is', () => {
    const [source, destination] = ['fe80::1%eth0', '::ffff:192.0.2.1'].map(address => ({ address, port: 1 }))
    const header = complete(encodeProxy({ version: 1, source, destination }))
    expect(header.source).to.deep.equal({ address: 'fe80::1', port: 1 })
    expect(header.destination).to.deep.equal({ address: '192.0.2.1', port: 1 })
  })

  it('says LOCAL and UNKNOWN of those who are nobody', () => {
    const local = complete(encodeProxy({ version: 2, command: 'local' }))
    expect(local).to.deep.equal({ version: 2, command: 'local', transport: 'unspecified', tlvs: [] })
    expect(complete(encodeProxy({ version: 2 }))).to.include({ command: 'proxy', transport: 'unspecified' })
    expect(encodeProxy({ version: 1, command: 'local' }).toString()).to.equal('PROXY UNKNOWN\r\n')
  })

  it('has a name and a sentence for every fault', () => {
    const long = encodeProxy({ version: 2, tlvs: [{ type: 4, value: Buffer.alloc(100) }] })
    const faults: [Buffer | string, string][] = [
      ['GET / HTTP/1.1\r\n', 'noHeader'],
      [`PROXY UNKNOWN ${'x'.repeat(100)}`, 'lineLength'],
      ['PROXY UNKNOWN\n', 'lineEnd'],
      ['PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n', 'protocol'],
      ['PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n', 'address'],
      ['PROXY TCP4 1.2.3.4 1.2.3.4 1 02\r\n', 'port'],
      [changed(encode(2, IPV4), 12, 0x11), 'version'],
      [changed(encode(2, IPV4), 12, 0x22), 'command'],
      [changed(encode(2, IPV4), 13, 0x41), 'family'],
      [long, 'headerLength'],
      [changed(encode(2, IPV4), 15, 11), 'addressLength'],
      [changed(withTlv(4, 5), 30, 6), 'tlvLength'],
      [withTlv(0xe0, 4, PROXY_TLV.checksum), 'checksum'],
    ]
    const seen = new Set<string>()
    for (const [head, fault] of faults) {
      const verdict = decodeProxy(Buffer.from(head), 100)
      expect(verdict).to.include({ status: 'refused', fault })
      expect(verdict)
        .to.have.property('reason')
        .that.matches(/^[a-z].*[^.]$/)
      seen.add(fault)
    }
    const unique = decodeProxy(withTlv(PROXY_TLV.uniqueId, 129))
    expect(unique).to.include({ status: 'refused', fault: 'uniqueId' })
    expect([...seen, 'uniqueId']).to.have.members([...PROXY_FAULTS])
  })

  it('refuses settings that make no header', () => {
    const tlv =
      (type: number, length = 0): (() => unknown) =>
      () =>
        encodeProxy({ version: 2, tlvs: [{ type, value: Buffer.alloc(length) }] })
    const from =
      (address: string, port: number): (() => unknown) =>
      () =>
        encodeProxy({ version: 1, source: { address, port } })
    for (const wrong of [tlv(256), tlv(-1), tlv(1.5), tlv(PROXY_TLV.checksum), tlv(4, 65_533), tlv(4, 100_000)]) {
      expect(wrong).to.throw(RangeError)
    }
    for (const wrong of [from('localhost', 1), from('1.2.3.4', 65_536), from('1.2.3.4', -1)]) {
      expect(wrong).to.throw(RangeError)
    }
    const path = { path: Buffer.alloc(109) }
    expect(() => encodeProxy({ version: 2, source: path, destination: path })).to.throw(RangeError)
    expect(() => decodeProxy(Buffer.alloc(0), 15)).to.throw(RangeError)
    expect(tlv(4, 65_532)).to.not.throw()
  })

  it('is read by two other codecs, whatever the addresses', () => {
    const read = fc.property(fc.oneof(routes(ipv4), routes(ipv6)), route => {
      for (const version of [1, 2] as const) {
        const head = encode(version, route)
        expect(plain(balena.decode(head))).to.deep.equal(plain(route))
        const built = version === 1 ? builder.decodeV1(head) : builder.decodeV2(head)
        expect(plain(built)).to.deep.equal(plain(route))
      }
    })
    fc.assert(read, { examples: [[IPV4], [IPV6]] })
  })

  it('reads what two other codecs write', () => {
    const read = fc.property(fc.oneof(routes(ipv4), routes(ipv6)), route => {
      for (const head of [balena.encodeV1(route), builder.encodeV1(route), builder.encodeV2(route)]) {
        expect(routeOf(complete(head))).to.deep.equal(plain(route))
      }
    })
    fc.assert(read, { examples: [[IPV4], [IPV6]] })
    expect(complete(builder.encodeLocal())).to.include({ command: 'local' })
    expect(balena.decode(encodeProxy({ version: 2, command: 'local' }))).to.equal(undefined)
    expect(encodeProxy({ version: 2, command: 'local' })).to.deep.equal(builder.encodeLocal())
    expect(encode(2, IPV6)).to.deep.equal(builder.encodeV2(IPV6))
  })
})

/** A copy with one byte in another way. */
function changed(head: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(head)
  copy[at] = byte
  return copy
}

/** A header of IPv4 addresses with one TLV of so many zeros. */
function withTlv(type: number, length: number, as = type): Buffer {
  const end = { address: '192.0.2.1', port: 1 }
  const head = encodeProxy({ version: 2, source: end, destination: end, tlvs: [{ type, value: Buffer.alloc(length) }] })
  return changed(head, 28, as)
}
