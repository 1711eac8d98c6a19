import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { Registry, register } from 'prom-client'
import type { Balancer } from '../../../src/balancer.ts'
import { type Histogram, Metrics } from '../../../src/index.ts'
import { DEFINITIONS } from '../../../src/metrics/definitions.ts'
import { SESSION_COUNTERS } from '../../../src/native.ts'
import type { SessionCounts } from '../../../src/relay/counters.ts'
import { TYPESCRIPT } from '../../helpers/typescript/arguments.ts'
import {
  afterTest,
  ask,
  cleanUp,
  listenBy,
  makeBalancer,
  portOf,
  RELAYS,
  startBackend,
  until,
} from '../../lifecycle/helpers.ts'
import { type Family, parseExposition } from './exposition.ts'

const TWO = [
  { name: 'a', address: '127.0.0.1:9', weight: 3 },
  { name: 'b', address: '127.0.0.1:9', state: 'drain' },
] as const

async function read(balancer: Balancer): Promise<(series: string) => number | undefined> {
  const families = parseExposition(await new Metrics(balancer).render())
  return series => families.get(series.replace(/\{.*/, ''))?.samples.get(series)
}

/** Of one session. */
function expectHistogram(families: Map<string, Family>, name: string, { bounds, counts, sum }: Histogram): void {
  const { samples } = families.get(name) as Family
  const at = counts.indexOf(1)
  const expected = [...bounds, '+Inf'].map((le, bucket) => [`${name}_bucket{le="${le}"}`, Number(bucket >= at)])
  expect([...samples]).to.deep.equal([...expected, [`${name}_sum`, sum], [`${name}_count`, 1]])
}

describe('metrics', () => {
  afterEach(cleanUp)

  for (const relay of RELAYS) {
    it(`tells what the ${relay} relay did, as stats() does`, async () => {
      const { address } = await startBackend(socket => socket.end('hello'))
      const balancer = makeBalancer({ backends: [{ name: 'a', address }] }, listenBy(relay))
      await balancer.listen()
      expect(await ask(portOf(balancer), '')).to.equal('hello')
      await until(() => balancer.stats().counters.endFinished === 1)
      const figure = await read(balancer)
      expect(figure('limpet_sessions_accepted_total')).to.equal(1)
      expect(figure('limpet_sessions_ended_total{outcome="finished"}')).to.equal(1)
      expect(figure('limpet_relayed_bytes_total{direction="to_client"}')).to.equal(5)
      expect(figure('limpet_pool_decisions_total{pool="p",reason="home"}')).to.equal(1)
      expect(figure('limpet_backend_picks_total{pool="p",backend="a"}')).to.equal(1)
      expect(figure('limpet_table_entries{pool="p"}')).to.equal(1)
      expect(figure('limpet_listener_open{listener="l",pool="p"}')).to.equal(1)
      const families = parseExposition(await new Metrics(balancer).render())
      const { connect, session } = balancer.stats().durations
      expectHistogram(families, 'limpet_connect_duration_seconds', connect)
      expectHistogram(families, 'limpet_session_duration_seconds', session)
    })
  }

  it('tells every counter of sessions', () => {
    const counters = Object.fromEntries(SESSION_COUNTERS.map((name, at) => [name, 1000 + at])) as SessionCounts
    const stats = { ...makeBalancer({ backends: [...TWO] }).stats(), counters }
    const told = new Set(DEFINITIONS.flatMap(definition => definition.read(stats)).map(({ value }) => value))
    expect(SESSION_COUNTERS.filter(name => !told.has(counters[name]))).to.deep.equal([])
  })

  it('tells what backends are, and forgets those that were removed', async () => {
    const balancer = makeBalancer({ backends: [...TWO] })
    const metrics = new Metrics(balancer)
    const before = parseExposition(await metrics.render())
    expect(before.get('limpet_backend_weight')?.samples.get('limpet_backend_weight{pool="p",backend="a"}')).to.equal(3)
    const states = before.get('limpet_backend_state')?.samples
    expect(states?.get('limpet_backend_state{pool="p",backend="b",state="drain"}')).to.equal(1)
    expect(states?.get('limpet_backend_state{pool="p",backend="b",state="ready"}')).to.equal(0)
    expect(before.get('limpet_backend_up')?.samples.size).to.equal(0)
    balancer.pool().remove('b')
    const text = await metrics.render()
    expect(text).to.include('backend="a"').and.not.include('backend="b"')
  })

  it('reads values anew each time, and does not add them up', async () => {
    const balancer = makeBalancer({ backends: [TWO[0]] })
    const metrics = new Metrics(balancer)
    const decision = balancer.pick('192.0.2.1')
    afterTest(() => decision.release())
    const renderings = [await metrics.render(), ...(await Promise.all([metrics.render(), metrics.render()]))]
    for (const text of renderings) expect(text).to.include('limpet_pool_decisions_total{pool="p",reason="home"} 1\n')
  })

  it('keeps balancers apart, and out of the registry of the program', async () => {
    const [first, second] = [makeBalancer({ backends: [TWO[0]] }), makeBalancer({ backends: [TWO[1]] })]
    expect(await new Metrics(first).render()).to.not.include('backend="b"')
    expect(await new Metrics(second).render()).to.not.include('backend="a"')
    expect(await register.getMetricsAsJSON()).to.have.length(0)
  })

  it('loads its library when it is first rendered, and does not keep the process', async () => {
    const code = `
      import { createRequire } from 'node:module'
      import { Balancer, Metrics } from '${new URL('../../../src/index.ts', import.meta.url).href}'
      const isLoaded = () => Object.keys(createRequire('/').cache).some(file => file.includes('prom-client'))
      const metrics = new Metrics(new Balancer({ pools: { p: { stickTable: 'off' } }, log: { level: 'silent' } }))
      const before = isLoaded()
      await metrics.render()
      console.log(before, isLoaded())`
    const run = [...TYPESCRIPT, '--input-type=module', '--eval', code]
    const { stdout } = await promisify(execFile)(process.execPath, run, { timeout: 60_000 })
    expect(stdout).to.equal('false true\n')
  })

  it('leaves no counter of sessions out', () => {
    const balancer = makeBalancer()
    const stats = balancer.stats()
    const read = (counters: typeof stats.counters): string => {
      const samples = DEFINITIONS.flatMap(definition => definition.read({ ...stats, counters }))
      return JSON.stringify(samples)
    }
    const before = read(stats.counters)
    for (const name of SESSION_COUNTERS) expect(read({ ...stats.counters, [name]: 4711 }), name).to.not.equal(before)
  })

  it('says the type that the library says', () => {
    expect(new Metrics(makeBalancer()).contentType).to.equal(Registry.PROMETHEUS_CONTENT_TYPE)
  })

  it('follows the conventions for names', () => {
    for (const { name, kind } of DEFINITIONS) {
      expect(name).to.match(/^limpet_[a-z_]+$/)
      expect(name.endsWith('_total'), name).to.equal(kind === 'counter')
    }
  })

  it('has in docs/metrics.md what it renders, and nothing else', async () => {
    const families = parseExposition(await new Metrics(makeBalancer({ backends: [...TWO] })).render())
    const documented = documentedMetrics()
    expect([...documented.keys()].sort()).to.deep.equal([...families.keys()].sort())
    for (const [name, { type, labels }] of documented) {
      const family = families.get(name) as Family
      expect(type, name).to.equal(family.type)
      const definition = DEFINITIONS.find(known => known.name === name)
      if (definition === undefined) expect(labels, name).to.include.members([...family.labels])
      else expect(labels, name).to.have.members([...definition.labels])
    }
  })
})

function documentedMetrics(): Map<string, { type: string; labels: string[] }> {
  const text = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\w+) \|([^|]*)\|/gm)]
  return new Map(
    rows.map(([, name = '', type = '', labels = '']) => [
      name,
      { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label) },
    ]),
  )
}
