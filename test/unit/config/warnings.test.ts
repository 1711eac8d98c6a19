import { expect } from 'chai'
import { parseConfig } from '../../../src/config/load.ts'
import { resolveOptions } from '../../../src/config/resolve.ts'
import type { ResolvedConfig } from '../../../src/config/resolved.ts'
import { caught, HERMETIC } from './helpers.ts'

const parse = (text: string): ResolvedConfig => parseConfig(text, HERMETIC)

describe('warnings', () => {
  const secret = { secret: 'long enough' }
  const backends = [{ name: 'a', address: 'h:1' }]

  it('tell what is allowed and most likely not meant, with its place', () => {
    const config = parse(
      'pools:\n  p: { backends: [] }\n  q: { secret: long enough, backends: [{ name: a, address: "h:1", weight: 0 }] }\n',
    )
    expect(config.warnings).to.deep.equal([
      'limpet.yaml:1:1: listeners: there is no listener, so there is nothing to run',
      "limpet.yaml:2:3: pools.p: the secret is derived from the pool's name: clients that guess it can choose their backend; set secret",
      'limpet.yaml:2:3: pools.p: there is no backend: every client is refused',
      'limpet.yaml:3:29: pools.q.backends: every backend has weight 0: every new client is refused',
    ])
  })

  it('tell of a burst without a rate', () => {
    const limited = (limits: string): readonly string[] =>
      parse(`listeners: [{ name: l, bind: ":1", pool: p }]
pools:
  p: { secret: long enough, limits: ${limits}, backends: [{ name: a, address: "h:1" }] }
`).warnings
    expect(limited('{ burst: 5 }')).to.deep.equal([
      'limpet.yaml:3:46: pools.p.limits.burst: burst means nothing without newPerSecondPerKey',
    ])
    expect(limited('{ burst: 5, newPerSecondPerKey: 1 }')).to.deep.equal([])
    expect(limited('{ sessionsPerKey: 5 }')).to.deep.equal([])
  })

  it('tell of a queue that nobody gets into, and of an agent without a port', () => {
    const warned = (settings: string, backend = ''): readonly string[] =>
      parse(`listeners: [{ name: l, bind: ":1", pool: p }]
pools:
  p: { secret: long enough, ${settings}, backends: [{ name: a, address: "h:1"${backend} }] }
`).warnings
    expect(warned('limits: { queue: { size: 5 } }')).to.deep.equal([
      'limpet.yaml:3:46: pools.p.limits.queue: nobody ever waits: neither the pool nor a backend has maxSessions',
    ])
    expect(warned('limits: { queue: { size: 5 } }', ', maxSessions: 3')).to.deep.equal([])
    expect(warned('limits: { queue: { size: 5 } }, agent: { port: 9777 }')).to.deep.equal([])
    expect(warned('limits: { queue: { size: 5 } }, maxSessions: 9')).to.deep.equal([])
    expect(warned('limits: { queue: { size: 0 } }')).to.deep.equal([])
    expect(warned('agent: { interval: 3s }')).to.deep.equal([
      'limpet.yaml:3:36: pools.p.agent: nobody is asked without a port',
    ])
    expect(warned('agent: { port: 0 }')).to.deep.equal([])
  })

  it('tell of keys in PROXY headers where there are none, and of trust in everybody', () => {
    const warned = (proxyProtocol: string, key: string): readonly string[] =>
      parse(`listeners: [{ name: l, bind: ":1", pool: p, proxyProtocol: ${proxyProtocol} }]
pools:
  p: { secret: long enough, affinity: { key: ${key} }, backends: [{ name: a, address: "h:1" }] }
`).warnings
    const accept = '{ accept: on, trust: [10.0.0.0/8] }'
    expect(warned('{}', '[{ proxy: authority }, source]')).to.deep.equal([
      'limpet.yaml:1:42: listeners[0].pool: clients of this listener have no PROXY header, in which affinity.key of the pool "p" looks: see proxyProtocol',
    ])
    expect(warned(accept, '[{ proxy: authority }, source]')).to.deep.equal([])
    expect(warned('{ trust: [10.0.0.0/8] }', 'source')).to.deep.equal([])
    expect(warned('{ accept: on, trust: [10.0.0.0/8, "::/0"] }', 'source')).to.deep.equal([
      'limpet.yaml:1:94: listeners[0].proxyProtocol.trust[1]: everybody is trusted: whoever connects can say that it is any client',
    ])
    const handled = resolveOptions(
      { pools: { p: { ...secret, backends, affinity: { key: { proxy: 'source' } } } } },
      HERMETIC,
    )
    expect(handled.warnings).to.deep.equal([
      'pools.p.affinity.key: sockets that are given to handle() have no PROXY header, in which this key is',
    ])
  })

  it('tell of secrets that are names of variables, and do not show what they are', () => {
    const of = (secret: string): readonly string[] =>
      parse(`listeners: [{ name: l, bind: ":1", pool: p }]
pools: { p: { secret: ${secret}, backends: [{ name: a, address: "h:1" }] } }
admin: { token: ${secret} }
`).warnings
    expect(of(`"\${LIMPET_SECRET}"`)).to.deep.equal([
      'limpet.yaml:2:23: pools.p.secret: this is the text itself, and not the variable: write { env: LIMPET_SECRET }',
      'limpet.yaml:3:17: admin.token: this is the text itself, and not the variable: write { env: LIMPET_SECRET }',
    ])
    expect(of('$LIMPET_SECRET')).to.have.lengthOf(2)
    expect(of('$ecret$LIMPET_SECRET')).to.deep.equal([])
  })

  it('tell of pools that no listener uses, and of shared addresses', () => {
    const text = `listeners: [{ name: l, bind: ":1", pool: p }]
pools:
  p: { secret: long enough, backends: [{ name: a, address: "h:1" }, { name: b, address: "H:1" }, { name: c, address: "h:1" }] }
  q: { secret: long enough, backends: [{ name: a, address: "h:1" }] }
`
    expect(parse(text).warnings).to.deep.equal([
      'limpet.yaml:4:3: pools.q: no listener sends clients to this pool',
      'limpet.yaml:3:89: pools.p.backends[1].address: "b" has the same address as a: one server counts as two backends',
    ])
  })

  it('are silent when there is nothing to say', () => {
    expect(resolveOptions({ pools: { p: { ...secret, backends } } }, HERMETIC).warnings).to.deep.equal([])
  })

  it('become an error where listeners are required', () => {
    const error = caught(() =>
      parseConfig('pools: { p: {} }\nlisteners: []\n', { ...HERMETIC, requireListeners: true }),
    )
    expect(error.message).to.equal('limpet.yaml:2:1: listeners: there is no listener. Accepted: at least one listener')
    expect(parse('pools: { p: {} }\n').listeners).to.deep.equal([])
  })
})
