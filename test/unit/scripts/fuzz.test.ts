import { expect } from 'chai'
import { judge } from '../../../scripts/lib/native-test/fuzz-runner.mjs'

describe('fuzzing: what a target ended with', () => {
  const searched = [
    '#2\tINITED cov: 90 ft: 91 corp: 1/1b exec/s: 0 rss: 30Mb',
    '#512\tNEW    cov: 120 ft: 300 corp: 17/200b lim: 21 exec/s: 2011 rss: 57Mb L: 20/21 MS: 1 ChangeBit-',
    'stat::number_of_executed_units: 1024',
    'stat::average_exec_per_sec:     512',
  ].join('\n')
  const ended = (changes: Partial<Parameters<typeof judge>[0]>) => {
    return judge({ status: 0, output: searched, timedOut: false, ...changes })
  }

  it('tells how far a search came', () => {
    expect(ended({})).to.deep.equal({ summary: '1024 inputs, 512 a second; 120 edges, 17 inputs kept' })
  })

  it('takes a single input that held for well', () => {
    expect(ended({ output: 'Running: a/file\nExecuted a/file in 3 ms\n' })).to.deep.equal({ summary: 'well' })
  })

  it('names the input of a crash, and shows the end of what was written', () => {
    const output = [
      ...Array.from({ length: 200 }, (_, i) => `line ${i}`),
      "artifact_prefix='build/fuzz/failed/pool-'; Test unit written to build/fuzz/failed/pool-crash-0a1b",
      'stat::number_of_executed_units: 7',
    ]
    const { summary, ...rest } = ended({ status: 77, output: output.join('\n') })
    expect(rest).to.deep.equal({ problem: 'exit status 77', input: 'build/fuzz/failed/pool-crash-0a1b' })
    expect(summary)
      .to.match(/^line 1\d\d\n/)
      .and.to.include('Test unit written')
  })

  it('takes silence, a search of nothing, and one without end for a failure', () => {
    expect(ended({ output: '' })).to.include({ problem: 'it ran no input' })
    expect(ended({ output: 'stat::number_of_executed_units: 0\n' })).to.include({ problem: 'it ran no input' })
    expect(ended({ status: 137, timedOut: true })).to.include({ problem: 'it does not end' })
  })
})
