// Quick runs of `bench relay`: that every subject and trial works. What they measure means nothing here.
import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { benchRelay } from '../../src/bench/relay/index.ts'
import { RELAY_TRIALS, type RelayBenchOptions } from '../../src/bench/relay/options.ts'
import { withDescendants } from '../../src/bench/relay/proc.ts'
import type { SubjectId } from '../../src/bench/relay/subject.ts'
import type { BenchContext, Findings, Series } from '../../src/bench/result.ts'
import { Directory } from '../helpers/directory.ts'
import { requirePeer } from '../helpers/peers.ts'
import { TEST_MS, until } from '../helpers/wait.ts'

interface Run extends Findings {
  notes: string[]
  steps: string[]
  planned: number
}

async function run(options: RelayBenchOptions, settings: Partial<BenchContext> = {}): Promise<Run> {
  const [notes, steps]: [string[], string[]] = [[], []]
  let planned = 0
  const context: BenchContext = {
    rounds: 1,
    quick: true,
    signal: new AbortController().signal,
    plan: count => {
      planned = count
    },
    step: label => steps.push(label),
    note: text => notes.push(text),
    ...settings,
  }
  return { ...(await benchRelay(context, options)), notes, steps, planned }
}

/** Every sample of a metric. */
const samplesOf = (series: readonly Series[], metric: string): (number | null)[] =>
  series.filter(one => one.metric === metric).flatMap(({ samples }) => samples)

const subjectsOf = (series: readonly Series[]): string[] => [...new Set(series.map(({ subject }) => subject))]

/** The programs that were started. */
const children = (): number[] => withDescendants(process.pid).slice(1)

describe('bench: relay', function () {
  this.timeout(TEST_MS)

  it('measures connections through everybody', async function () {
    const programs = { haproxy: requirePeer(this, 'haproxy'), nginx: requirePeer(this, 'nginx') }
    const { series, programs: versions, notes, steps, planned } = await run({ trials: ['connection'], ...programs })
    const named = [
      'direct',
      'floor',
      'Limpet, native acceptor',
      'Limpet, net acceptor',
      'Limpet, stream relay',
      'HAProxy',
      'nginx',
      'Node pipe',
    ]
    expect(subjectsOf(series)).to.include.members(named)
    expect(Object.keys(versions)).to.have.members(subjectsOf(series))
    expect(steps).to.have.length(planned)
    for (const { subject, metric, samples } of series) {
      expect(samples, `${subject}: ${metric}; ${notes}`).to.have.length(1)
      expect(samples[0], `${subject}: ${metric}; ${notes}`).to.be.a('number').that.is.greaterThan(0)
    }
    expect(samplesOf(series, 'process CPU')).to.have.length(subjectsOf(series).length - 1)
    expect(notes.join('\n')).to.match(/connection: directly \d+\.\d times as much as through the fastest balancer/)
  })

  it('measures every trial', async () => {
    const { series, notes, options } = await run({ subjects: ['limpet-net'], idleSessions: 100, backends: 3 })
    const trials = ['connection', 'round trip', 'bulk down', 'bulk up', 'bulk both', 'idle sessions']
    expect([...new Set(series.map(({ trial }) => trial))]).to.deep.equal(trials)
    for (const { trial, subject, metric, samples } of series) {
      expect(samples[0], `${trial}, ${subject}: ${metric}; ${notes}`).to.be.a('number').that.is.finite
    }
    expect(Math.min(...samplesOf(series, 'throughput').map(Number))).to.be.greaterThan(0)
    expect(options).to.include({ threads: 1, backends: 3, idleSessions: 100 })
    expect(RELAY_TRIALS).to.have.length(trials.length)
  })

  it('runs Limpet and the floor with two threads, too', async () => {
    const { series, notes } = await run({ trials: ['connection'], subjects: ['floor', 'limpet-net'], threads: 2 })
    expect(
      samplesOf(series, 'process CPU').every(sample => Number(sample) > 0),
      notes.join('\n'),
    ).to.equal(true)
  })

  it('notes a cell that fails, and goes on', async () => {
    await using directory = await Directory.make()
    const haproxy = directory.file('haproxy')
    const script = '#!/bin/sh\nif [ "$1" = -v ]; then echo version 9.9; else echo broken >&2; exit 3; fi\n'
    await writeFile(haproxy, script, { mode: 0o755 })
    const { series, notes, programs } = await run({
      trials: ['connection'],
      subjects: ['haproxy', 'floor'],
      haproxy,
    })
    expect(programs).to.include({ HAProxy: '9.9' })
    for (const { subject, samples } of series) expect(samples[0] === null, subject).to.equal(subject === 'HAProxy')
    expect(notes).to.include('connection: HAProxy, round 1: haproxy ended early: broken')
  })

  it('fails when a program that is named cannot take part', async () => {
    const missing = { haproxy: '/nonexistent/haproxy', nginx: '/nonexistent/nginx' }
    for (const [name, file] of Object.entries(missing)) {
      const running = run({ trials: ['connection'], subjects: [name as SubjectId, 'floor'], [name]: file })
      expect(await running.catch((error: unknown) => error)).to.include({
        code: 'LIMPET_ERR_BENCH_PROGRAM',
        message: `${name === 'nginx' ? 'nginx' : 'HAProxy'} cannot be measured: there is no program ${file}`,
      })
    }
  })

  it('ends what it started when it is aborted', async () => {
    const before = children()
    const stop = new AbortController()
    const reason = new Error('enough')
    const running = run(
      // Long enough to be stopped in; quick, so that it does not wait for the closed connections of other tests.
      { trials: ['connection'], subjects: ['floor', 'limpet-net'], seconds: 60 },
      { signal: stop.signal },
    )
    const ended = running.then(
      () => undefined,
      (error: unknown) => error,
    )
    await until('programs', () => children().length > before.length + 1)
    stop.abort(reason)
    expect(await ended).to.equal(reason)
    expect(children()).to.deep.equal(before)
  })
})
