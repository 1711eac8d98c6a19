import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { readResult } from '../../src/bench/read-result.ts'
import { summary } from '../../src/bench/statistics.ts'
import { Progress } from '../../src/cli/bench/progress.ts'
import { Terminal } from '../../src/cli/terminal.ts'
import { Child, cleanUp, DIST_MAIN, limpet, Recorder } from '../cli/helpers.ts'
import { Directory } from '../helpers/directory.ts'

/** The compiled command line, which has the plots in a bundle. */
function start(...args: string[]): Child {
  return new Child(process.execPath, [DIST_MAIN, 'bench', ...args])
}

/** Rejects when a child ends. */
async function tooEarly(child: Child): Promise<never> {
  throw new Error(`it ended with ${await child.exit}: ${child.stderr}`)
}

describe('limpet bench', function () {
  // A ceiling: each starts a dozen processes one after the other.
  this.timeout(120_000)
  after(cleanUp)

  it('pick measures everything in a quick run, and leaves a report', async () => {
    await using directory = await Directory.make()
    const folder = directory.file('report')
    const child = start('pick', '--quick', '--seconds', '0.01', '--report', folder)
    expect(await child.exit, child.stderr).to.equal(0)
    const found = await readResult(folder)
    expect(found).to.include({ bench: 'pick', rounds: 1 })
    expect(found.options).to.deep.equal({ seconds: 0.01, trials: 'pins threads backends homes' })
    for (const { trial, subject, metric, samples } of found.series) {
      const least = metric === 'memory' ? 0 : 0.001
      expect(summary(samples)?.median, `${trial}, ${subject}, ${metric}`).to.be.at.least(least)
    }
    const pin = found.series.find(({ metric }) => metric === 'memory of a pin')
    expect(pin?.samples[0]).to.be.within(20, 24)
    expect(readdirSync(folder)).to.include.members(['report.json', 'report.md', 'pick-pick-by-pins-picks-pins.svg'])
    expect(readFileSync(join(folder, 'pick-pick-by-pins-picks-pins.svg'), 'utf8')).to.match(/^<svg .*<\/svg>\n$/s)
    expect(child.stdout).to.match(
      /^pick, by pins: picks, 1\/s \(higher is better\)\n {2}pins +C\+\+ +JavaScript\n {2}10,000 /,
    )
    expect(child.stderr).to.match(/^1\/\d+ pick, by pins: C\+\+, pins 10,000, round 1 of 1$/m)
    expect(child.stderr).to.contain(`the report is in ${folder}\n`)
  })

  it('affinity prints a result as JSON, and nothing else', async () => {
    // Without the trial of prefixes, which takes ten times as long as these: affinity.test.ts has it.
    const trials = 'balance,movement,overflow'
    const child = start('affinity', '--quick', '--clients', '1000', '--rounds', '2', '--trials', trials, '--json')
    expect(await child.exit, child.stderr).to.equal(0)
    await using directory = await Directory.make()
    const file = directory.file('affinity.json')
    writeFileSync(file, child.stdout)
    const found = await readResult(file)
    expect(found).to.include({ bench: 'affinity', rounds: 2 })
    expect(new Set(found.series.map(({ subject }) => subject))).to.include.keys('rendezvous', 'ring', 'modulo')
    expect(found.series.every(({ samples }) => samples.length === 2 && !samples.includes(null))).to.equal(true)
    expect(child.stderr).not.to.contain('the report is in')
  })

  it('ends what it started when it is interrupted, and tells what it has', async () => {
    await using directory = await Directory.make()
    const child = start(
      'pick',
      '--quick',
      '--seconds',
      '0.01',
      '--trials',
      'pins',
      '--rounds',
      '1000',
      '--report',
      directory.path,
    )
    // The third of the two steps of a round: one round is whole.
    while (!child.stderr.includes('\n3/2000 '))
      await Promise.race([once(child.process.stderr, 'data'), tooEarly(child)])
    child.kill('SIGINT')
    expect(await child.exit, child.stderr).to.equal(1)
    const { series, notes, rounds } = await readResult(directory.path)
    expect(rounds).to.equal(1000)
    expect(notes.at(-1)).to.match(/^stopped in round \d+ of 1000: /)
    expect(series[0]?.samples.length).to.be.within(1, 999)
    expect(series[0]?.samples[0]).to.be.above(0)
  })

  it('does not measure when it cannot write', async () => {
    await using directory = await Directory.make()
    const file = directory.file('a-file')
    writeFileSync(file, '')
    const said = await limpet(['bench', 'pick', '--quick', '--report', file])
    expect(said.stderr).to.match(
      /^limpet: the report folder .*a-file cannot be written: EEXIST.*; name another with --report\n$/,
    )
    expect(said).to.include({ status: 1, stdout: '' })
  })

  describe('progress', () => {
    const told = async (columns: number | undefined): Promise<string> => {
      const recorder = new Recorder(columns)
      const progress = new Progress(new Terminal(recorder.stream, { NO_COLOR: '1' }))
      progress.plan(4)
      progress.step('first')
      progress.step('second')
      progress.note('a note')
      await progress.end()
      return recorder.text
    }

    it('is a line for each step where there is no terminal', async () => {
      expect(await told(undefined)).to.equal('1/4 first\n2/4 second\nnote: a note\n')
    })

    it('is a bar on a terminal, which is gone at the end', async () => {
      const lines = (await told(80)).split('\r\u001b[2K')
      expect(lines).to.have.length(6)
      expect(lines[1]).to.match(/^░{24} 1\/4 0:0\d first$/)
      expect(lines[2]).to.match(/^█{6}░{18} 2\/4 0:0\d second$/)
      expect(lines[3]).to.equal('note: a note\n')
      expect(lines.at(-1)).to.equal('')
    })
  })
})
