import { chmod, utimes, writeFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { expect } from 'chai'
import { describeConfig } from '../../../src/config/describe.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { Certificates } from '../../helpers/certificates.ts'
import { TEST_MS } from '../../helpers/wait.ts'
import { HERMETIC, problemsOf } from './helpers.ts'

const POOL = 'pools: { p: { secret: long enough, backends: [{ name: a, address: "a:1" }] } }'

describe('TLS in a configuration', function () {
  this.timeout(TEST_MS)
  let made: Certificates

  before(async function () {
    made = await Certificates.make(this)
    await made.add('good', { names: ['good.test'] })
    await made.add('other', { names: ['other.test'] })
    await made.add('nameless')
    await made.add('expired', { by: 'good', days: -1 })
    await writeFile(made.cert('garbage'), 'no certificate')
    await writeFile(made.key('garbage'), 'no key')
    await chmod(made.key('other'), 0o644)
  })

  after(async () => {
    await made?.[Symbol.asyncDispose]()
  })

  const listener = (tls: string, more = ''): string =>
    `listeners: [{ name: l, bind: ":1", pool: p, tls: ${tls}${more} }]\n`
  const pair = (cert: string, key = cert): string => `{ cert: ${cert}.pem, key: ${key}.key }`
  const certificates = (...pairs: string[]): string => `certificates: [${pairs.join(', ')}]`
  const told = (text: string): [string, string][] =>
    problemsOf(text, { directory: made.directory.path }).map(({ path, code }) => [path, code])

  it('is read with its files, relative to the configuration, and shows no contents', () => {
    const text = `${listener(`{ ${certificates(pair('good'), pair('other'))}, clientCa: good.pem, alpn: [h2] }`)}
pools: { p: { secret: long enough, backendTls: { serverName: b.test, ca: good.pem, ${pair('good').slice(2, -2)} } } }`
    const config = parseConfig(text, { ...HERMETIC, directory: made.directory.path })
    const described = describeConfig(config)
    expect(described.listeners[0]?.tls).to.deep.equal({
      certificates: [made.pair('good'), made.pair('other')],
      clientCa: made.cert('good'),
      clientCertificates: 'require',
      minVersion: 'TLSv1.2',
      alpn: ['h2'],
      handshakeTimeout: '10s',
    })
    expect(described.pools.p?.backendTls).to.deep.equal({
      verify: 'on',
      ca: made.cert('good'),
      serverName: 'b.test',
      ...made.pair('good'),
      alpn: [],
    })
    for (const shown of [inspect(config, { depth: 9 }), JSON.stringify(config)]) expect(shown).not.to.contain('PRIVATE')
  })

  it('is off without being asked for', () => {
    const config = parseConfig(`listeners: [{ name: l, bind: ":1", pool: p }]\n${POOL}`, HERMETIC)
    const described = describeConfig(config)
    expect([described.listeners[0]?.tls, described.pools.p?.backendTls]).to.deep.equal(['off', 'off'])
  })

  it('tells what is wrong with each file', () => {
    const bad = [pair('good', 'other'), pair('garbage', 'good'), pair('good', 'garbage'), pair('missing', 'good')]
    const text = `${listener(`{ ${certificates(...bad)}, clientCa: garbage.pem }`)}${POOL}`
    const place = 'listeners[0].tls'
    expect(told(text)).to.have.deep.members([
      [`${place}.certificates[0].key`, 'LIMPET_ERR_TLS_FILE'],
      [`${place}.certificates[1].cert`, 'LIMPET_ERR_TLS_FILE'],
      [`${place}.certificates[2].key`, 'LIMPET_ERR_TLS_FILE'],
      [`${place}.certificates[3].cert`, 'LIMPET_ERR_TLS_FILE'],
      [`${place}.clientCa`, 'LIMPET_ERR_TLS_FILE'],
    ])
  })

  it('takes a file again that only root may read, as long as it looks the same', async function () {
    if (process.geteuid?.() !== 0) this.skip()
    await made.add('secret', { names: ['secret.test'] })
    await chmod(made.directory.path, 0o711)
    await chmod(made.cert('secret'), 0o644)
    const text = `${listener(`{ ${certificates(pair('secret'))} }`)}${POOL}`
    const read = (): unknown =>
      parseConfig(text, { ...HERMETIC, directory: made.directory.path }).listeners[0]?.tls?.certificates
    const asNobody = <T>(act: () => T): T => {
      process.seteuid?.(65_534)
      try {
        return act()
      } finally {
        process.seteuid?.(0)
      }
    }
    const [before] = read() as { key: unknown }[]
    expect((asNobody(read) as { key: unknown }[])[0]?.key).to.equal(before?.key)
    await utimes(made.key('secret'), 1, 1)
    expect(asNobody(() => told(text))).to.deep.equal([['listeners[0].tls.certificates[0].key', 'LIMPET_ERR_TLS_FILE']])
  })

  it('warns of certificates that have expired, that nobody can ask for, and of keys that everybody can read', () => {
    const text = `${listener(`{ ${certificates(pair('expired'), pair('nameless'), pair('other'))} }`)}${POOL}`
    const { warnings } = parseConfig(text, { ...HERMETIC, directory: made.directory.path })
    expect(warnings).to.have.lengthOf(3)
    for (const [index, word] of ['expired', 'no DNS name', 'every user'].entries())
      expect(warnings[index]).to.contain(word)
  })

  it('refuses what cannot be together', () => {
    const tls = `{ ${certificates(pair('good'))} }`
    const keys = (key: string): string => `pools: { p: { secret: long enough, affinity: { key: ${key} } } }`
    const cases: [string, string][] = [
      [listener(tls, ', acceptor: native') + POOL, 'listeners[0].acceptor'],
      [listener(tls, ', relay: native') + POOL, 'listeners[0].relay'],
      [
        listener(`{ ${certificates(pair('good'))}, clientCertificates: request }`) + POOL,
        'listeners[0].tls.clientCertificates',
      ],
      [listener(tls) + keys('tls.ja4'), 'pools.p.affinity.key'],
      [listener(tls) + keys('tls.clientSubject'), 'pools.p.affinity.key'],
      [keys('tls.clientSubject'), 'pools.p.affinity.key'],
      [
        'listeners: [{ name: l, bind: ":1", pool: p, relay: native }]\npools: { p: { secret: long enough, backendTls: {} } }',
        'listeners[0].relay',
      ],
      [
        'listeners: [{ name: l, bind: ":1", pool: p }]\npools: { p: { secret: long enough, backendTls: { serverName: sni } } }',
        'pools.p.backendTls.serverName',
      ],
      [`pools: { p: { secret: long enough, backendTls: { cert: good.pem } } }`, 'pools.p.backendTls.key'],
      [
        'pools: { p: { secret: long enough, backendTls: {}, backends: [{ name: u, address: unix:/u }] } }',
        'pools.p.backendTls.serverName',
      ],
    ]
    for (const [text, path] of cases) expect(told(text), text).to.deep.equal([[path, 'LIMPET_ERR_CONFIG']])
  })

  it('takes keys of the handshake, and warns of those that are not there', () => {
    const text = (key: string, tls: string): string =>
      `${listener(tls)}pools: { p: { secret: long enough, affinity: { key: ${key} }, backends: [{ name: a, address: "a:1" }] } }`
    const warningsOf = (key: string, tls: string): readonly string[] =>
      parseConfig(text(key, tls), { ...HERMETIC, directory: made.directory.path }).warnings
    const files = certificates(pair('good'))
    expect(warningsOf('[tls.clientSubject, tls.sni, source]', `{ ${files}, clientCa: good.pem }`)).to.deep.equal([])
    expect(warningsOf('http.path', `{ ${files}, alpn: [h2, http/1.1] }`)).to.have.lengthOf(1)
  })
})
