import { expect } from 'chai'
import { describeConfig } from '../../src/config/describe.ts'
import { readDnsServer } from '../../src/config/discovery.ts'
import { parseConfig } from '../../src/config/load.ts'
import { resolveOptions } from '../../src/config/resolve.ts'
import { LimpetConfigError } from '../../src/errors.ts'

const poolText = (backends: string): string =>
  `pools:\n  p:\n    secret: a secret of tests\n    backends: ${backends}\n`

function described(backends: string): unknown {
  return describeConfig(parseConfig(poolText(backends), { file: '/etc/limpet/limpet.yaml' })).pools.p?.backends
}

/** Each as `path: message [code]`. */
function problems(backends: string): string[] {
  try {
    parseConfig(poolText(backends))
    return []
  } catch (error) {
    expect(error).to.be.instanceOf(LimpetConfigError)
    return (error as LimpetConfigError).problems.map(({ path, message, code }) => `${path}: ${message} [${code}]`)
  }
}

describe('backends that are found, in the configuration', () => {
  it('have defaults, and read back as they are told', () => {
    const dns = described('{ dns: Redis.Test., port: 6379 }')
    expect(dns).to.deep.equal({
      dns: 'redis.test',
      type: 'A',
      port: 6379,
      identity: 'address',
      refresh: { min: '5s', max: '5m' },
      jitter: 10,
      timeout: '2s',
      minBackends: 1,
      startTimeout: '5s',
      maxSessions: 0,
    })
    expect(described(JSON.stringify(dns))).to.deep.equal(dns)
    const srv = described(
      '{ dns: [_r._tcp.test, b.test], type: SRV, resolvers: [10.0.0.53, "[fd00::53]:54"], health: off, weight: 3 }',
    )
    expect(srv).to.deep.include({
      identity: 'name',
      resolvers: ['10.0.0.53:53', '[fd00::53]:54'],
      health: 'off',
      weight: 3,
    })
    expect(described(JSON.stringify(srv))).to.deep.equal(srv)
    expect(described('{ file: b.yaml }')).to.deep.include({ file: '/etc/limpet/b.yaml' })
  })

  it('are no reason for the warning that there are none', () => {
    const { warnings } = parseConfig(poolText('{ file: b.yaml }'))
    expect(warnings.join()).to.not.contain('there is no backend')
  })

  it('are refused where they cannot be', () => {
    const wrong: [string, RegExp[]][] = [
      [
        '{ command: my-inventory }',
        [/^pools\.p\.backends\.command: Limpet starts no programs.* \[LIMPET_ERR_UNSUPPORTED\]$/],
      ],
      ['{ dns: a.test }', [/^pools\.p\.backends\.port: is missing: A records have none/]],
      ['{ dns: a.test, type: SRV, port: 80 }', [/^pools\.p\.backends\.port: SRV records have a port of their own/]],
      ['{ dns: 10.0.0.1, port: 80 }', [/"10\.0\.0\.1" is an address and needs no DNS/]],
      ['{ dns: "a b", port: 80 }', [/"a b" is not a DNS name/]],
      ['{ dns: [], port: 80 }', [/there are 0 names/]],
      ['{ dns: [a.test, A.test.], port: 80 }', [/a\.test is there twice/]],
      ['{ dns: a.test, port: 80, file: x }', [/^pools\.p\.backends\.file: cannot be given together with/]],
      ['{ dns: a.test, port: 80, refresh: { min: 10s, max: 1s } }', [/refresh\.max: is less than refresh\.min/]],
      [
        '{ dns: a.test, port: 80, resolvers: [dns.test] }',
        [/resolvers\[0\]: "dns\.test" is not an IP address \[LIMPET_ERR_BAD_ADDRESS\]/],
      ],
      ['{ file: x, refresh: { min: 1s } }', [/^pools\.p\.backends\.refresh: /]],
      ['{ file: x, health: { type: expect } }', [/^pools\.p\.backends\.health/]],
      ['{}', [/^pools\.p\.backends: the mapping is empty/]],
    ]
    for (const [text, messages] of wrong) {
      const told = problems(text)
      expect(told, text).to.have.length(messages.length)
      for (const [index, message] of messages.entries()) expect(told[index], text).to.match(message)
    }
  })

  it('read servers with and without a port', () => {
    const read = (value: unknown): unknown => {
      const result = readDnsServer(value)
      return 'value' in result ? `${result.value.host} ${result.value.port} ${result.value.family}` : undefined
    }
    expect(['10.0.0.1', '10.0.0.1:5353', '::1', '[::1]', '[::1]:5353'].map(read)).to.deep.equal([
      '10.0.0.1 53 4',
      '10.0.0.1 5353 4',
      '::1 53 6',
      '::1 53 6',
      '::1 5353 6',
    ])
    const bad = [
      '',
      'a',
      '10.0.0.1:',
      '10.0.0.1:0',
      '10.0.0.1:65536',
      '[10.0.0.1]:53',
      '[::1',
      'fe80::1%lo',
      '[fe80::1%lo]:53',
      53,
      null,
    ]
    expect(bad.map(read)).to.deep.equal(bad.map(() => undefined))
  })

  it('are the same for programs', () => {
    const backends = { dns: 'a.test', port: 80, refresh: { min: 200, max: '1s' } }
    expect(resolveOptions({ pools: { p: { backends } } }).pools.get('p')).to.deep.include({ backends: [] })
    const { discovery } = resolveOptions({ pools: { p: { backends } } }).pools.get('p') ?? {}
    expect(discovery).to.deep.include({ kind: 'dns', names: ['a.test'], refresh: { min: 200, max: 1000 } })
  })
})
