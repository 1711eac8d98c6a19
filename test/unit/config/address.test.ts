import { expect } from 'chai'
import fc from 'fast-check'
import { formatAddress, readBackendAddress, readBindAddress } from '../../../src/config/address.ts'
import type { Parsed } from '../../../src/config/parsed.ts'

function told<T>(parsed: Parsed<T>): T | string {
  if ('value' in parsed) return parsed.value
  expect(parsed.refusal.code).to.equal('LIMPET_ERR_BAD_ADDRESS')
  expect(parsed.refusal.accepted).to.be.a('string')
  return parsed.refusal.message
}
const backend = (value: unknown) => told(readBackendAddress(value))
const bind = (value: unknown, fdAllowed = false) => told(readBindAddress(value, fdAllowed))

describe('addresses of backends', () => {
  it('are IP addresses, in canonical text', () => {
    expect(backend('127.0.0.1:6379')).to.deep.equal({
      kind: 'ip',
      host: '127.0.0.1',
      port: 6379,
      family: 4,
      needsLookup: false,
    })
    expect(backend('[2001:DB8:0:0:0::1]:80')).to.deep.equal({
      kind: 'ip',
      host: '2001:db8::1',
      port: 80,
      family: 6,
      needsLookup: false,
    })
  })

  it('become IPv4 when they are IPv4-mapped', () => {
    for (const text of ['[::ffff:10.0.0.1]:80', '[::FFFF:a00:1]:80', '[0:0:0:0:0:ffff:10.0.0.1]:80']) {
      expect(backend(text), text).to.deep.equal({
        kind: 'ip',
        host: '10.0.0.1',
        port: 80,
        family: 4,
        needsLookup: false,
      })
    }
  })

  it('are host names, to be looked up', () => {
    expect(backend('Redis-1.Example.com:6379')).to.deep.equal({
      kind: 'name',
      host: 'redis-1.example.com',
      port: 6379,
      needsLookup: true,
    })
    expect(backend('localhost:1')).to.include({ kind: 'name', host: 'localhost' })
    expect(backend('my_service.:1')).to.include({ kind: 'name', host: 'my_service.' })
  })

  it('are unix sockets', () => {
    expect(backend('unix:/run/app.sock')).to.deep.equal({ kind: 'unix', path: '/run/app.sock' })
    expect(backend(`unix:/${'a'.repeat(106)}`)).to.include({ kind: 'unix' })
    expect(backend(`unix:/${'a'.repeat(107)}`)).to.equal('the path of the unix socket has 108 bytes')
    expect(backend(`unix:/${'ä'.repeat(54)}`)).to.equal('the path of the unix socket has 109 bytes')
    expect(backend('unix:run.sock')).to.equal('the path of a unix socket must be absolute, got "run.sock"')
    expect(backend('unix:/a\0b')).to.equal('the path of a unix socket cannot hold a NUL')
    expect(backend('/run/app.sock')).to.equal('"/run/app.sock" looks like a unix socket: write "unix:/run/app.sock"')
  })

  it('cannot be what nothing connects to', () => {
    expect(backend('127.0.0.1:0')).to.equal('a backend cannot have port 0')
    expect(backend(':80')).to.equal('":80" has no host')
    expect(backend('0.0.0.0:80')).to.equal('0.0.0.0 means every address and cannot be connected to')
    expect(backend('[::]:80')).to.equal(':: means every address and cannot be connected to')
  })

  it('are not guessed from what only looks like one', () => {
    const cases: [unknown, string][] = [
      ['127.0.0.1', '"127.0.0.1" has no port'],
      ['host:', 'the port is missing after the colon'],
      ['host:65536', '"65536" is not a port from 0 to 65535'],
      ['host:080', '"080" is not a port from 0 to 65535'],
      ['host:+80', '"+80" is not a port from 0 to 65535'],
      ['host: 80', '" 80" is not a port from 0 to 65535'],
      ['host:http', '"http" is not a port from 0 to 65535'],
      ['127.0.0.01:80', '"127.0.0.01" is not an IPv4 address'],
      ['256.0.0.1:80', '"256.0.0.1" is not an IPv4 address'],
      ['127.1:80', '"127.1" is not an IPv4 address'],
      ['0x7f000001:80', '"0x7f000001" is not an IPv4 address'],
      ['2130706433:80', '"2130706433" is not an IPv4 address'],
      ['::1', '"::1" is an IPv6 address without [ ] and a port'],
      ['2001:db8::1:80', '"2001:db8::1:80" is an IPv6 address without [ ] and a port'],
      ['a:b:80', '"a:b": an IPv6 address is written in [ ] before its port'],
      ['[::1]', '"[::1]" has no port'],
      ['[::1]80', '"[::1]80" has no port'],
      ['[::1:80', '"[::1:80" has no closing ]'],
      ['[127.0.0.1]:80', '"127.0.0.1" is not an IPv6 address'],
      ['[fe80::1%eth0]:80', '"[fe80::1%eth0]:80" has a zone id: addresses with a zone are not accepted'],
      ['127.0.0.1%lo:80', '"127.0.0.1%lo" has a zone id: addresses with a zone are not accepted'],
      ['-bad-:80', '"-bad-" is not an IP address or a host name'],
      ['a..b:80', '"a..b" is not an IP address or a host name'],
      [`${'a'.repeat(64)}:80`, `"${'a'.repeat(64)}" is not an IP address or a host name`],
      ['http://host:80', '"http://host" is not an IP address or a host name'],
      ['*:80', '"*:80": write ":80" for every address'],
      [7200, '7200 is a number, not an address: write ":7200" for a port'],
      [['::1'], 'expected an address, got a list: an IPv6 address in [ ] must be quoted in YAML'],
      [null, 'expected an address, got nothing'],
      [{ fd: 3 }, 'expected an address, got a mapping'],
    ]
    for (const [value, message] of cases) expect(backend(value), JSON.stringify(value)).to.equal(message)
  })
})

describe('addresses of listeners', () => {
  it('may be every address, or a free port', () => {
    expect(bind(':7200')).to.deep.equal({ kind: 'any', port: 7200 })
    expect(bind('127.0.0.1:0')).to.include({ kind: 'ip', port: 0 })
    expect(bind('0.0.0.0:80')).to.include({ kind: 'ip', host: '0.0.0.0', family: 4 })
    expect(bind('[::]:80')).to.include({ kind: 'ip', host: '::', family: 6 })
    expect(bind('unix:/run/l.sock')).to.deep.equal({ kind: 'unix', path: '/run/l.sock' })
  })

  it('may be a descriptor in a program only', () => {
    expect(bind({ fd: 3 }, true)).to.deep.equal({ kind: 'fd', fd: 3 })
    expect(bind({ fd: 3 }, false)).to.equal('expected an address, got a mapping')
    for (const fd of [-1, 1.5, '3', null, 2 ** 31])
      expect(bind({ fd }, true), String(fd)).to.match(/is not a file descriptor$/)
    expect(bind({ fd: 3, port: 1 }, true)).to.equal('unknown key "port" beside fd')
  })
})

describe('formatAddress()', () => {
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6().map(text => `[${text}]`),
    fc.domain(),
  )
  const text = fc.tuple(host, fc.integer({ min: 1, max: 65_535 })).map(([name, port]) => `${name}:${port}`)

  it('reads back to the same address', () => {
    fc.assert(
      fc.property(text, candidate => {
        const first = backend(candidate)
        if (typeof first === 'string') expect(first).to.match(/every address/)
        else expect(backend(formatAddress(first))).to.deep.equal(first)
      }),
    )
    for (const candidate of [':7200', 'unix:/a', '[::]:1']) {
      const read = bind(candidate)
      expect(typeof read === 'string' ? read : formatAddress(read)).to.equal(candidate)
    }
    expect(formatAddress({ kind: 'fd', fd: 4 })).to.equal('fd:4')
  })

  it('never meets an exception', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.anything()), value => {
        backend(value)
        bind(value, true)
      }),
    )
  })
})
