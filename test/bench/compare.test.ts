import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { compare, worsening } from '../../src/bench/compare.ts'
import { resultText } from '../../src/bench/report/folder.ts'
import type { BenchResult } from '../../src/bench/result.ts'
import { limpet } from '../cli/helpers.ts'
import { Directory } from '../helpers/directory.ts'
import { RELAY, result, series } from './sample.ts'

const RATE = { metric: 'throughput', unit: '1/s', better: 'higher' } as const

/** Files of two results. */
async function withFiles(
  results: readonly (BenchResult | string)[],
  work: (...files: string[]) => Promise<void>,
): Promise<void> {
  await using directory = await Directory.make()
  const files = results.map((content, index) => {
    const file = directory.file(`${index}.json`)
    writeFileSync(file, typeof content === 'string' ? content : resultText(content))
    return file
  })
  await work(...files)
}

describe('bench compare', () => {
  const before = result([
    series({ samples: [10, 11, 12] }),
    series({ subject: 'noisy', samples: [10, 11, 12] }),
    series({ ...RATE, samples: [100, 110, 120] }),
    series({ metric: 'zero', samples: [0, 0, 0] }),
    series({ metric: 'waste', unit: '%', samples: [0, 0, 0] }),
    series({ metric: 'gone' }),
  ])
  const after = result([
    series({ samples: [15, 16.5, 18] }),
    series({ subject: 'noisy', samples: [12, 13, 14] }),
    series({ ...RATE, samples: [200, 220, 240] }),
    series({ metric: 'zero', samples: [0, 0, 0] }),
    series({ metric: 'waste', unit: '%', samples: [4, 5, 6] }),
    series({ metric: 'new' }),
  ])

  it('tells ratios of medians with the farthest that samples lie apart', () => {
    const { changes } = compare(before, after)
    expect(changes.map(({ subject, metric }) => `${subject} ${metric}`)).to.deep.equal([
      'Limpet process CPU',
      'noisy process CPU',
      'Limpet throughput',
    ])
    const [slower, noisy, faster] = changes
    expect(slower).to.deep.include({
      before: 11,
      after: 16.5,
      isNoise: false,
      ratio: { median: 1.5, min: 1.25, max: 1.8, count: 3 },
    })
    expect(noisy?.isNoise).to.equal(true)
    expect(changes.map(worsening)).to.deep.equal([1.5, 13 / 11, 0.5])
    expect(faster && worsening({ ...faster, better: 'neither' })).to.equal(undefined)
  })

  it('notes what else is different', () => {
    expect(compare(before, after).notes).to.deep.equal([
      'connection: Limpet, waste: 0 before, 5 after, %; no ratio to 0',
      '3 series have no counterpart, no sample or nothing but zeros, and are not compared',
    ])
    const elsewhere = {
      ...before,
      machine: { ...before.machine, cores: 8 },
      options: { sessions: 64 },
      programs: {},
      rounds: 5,
    }
    expect(compare(before, elsewhere).notes.slice(0, 4)).to.deep.equal([
      'machine cores differs: 2 before, 8 after',
      'option sessions differs: 32 before, 64 after',
      'version of HAProxy differs: 2.6.12 before, none after',
      'rounds differs: 3 before, 5 after',
    ])
    expect(compare(RELAY, RELAY).notes).to.deep.equal([])
  })

  it('prints a table with a word for each change, and fails only for what got worse', async () => {
    await withFiles([before, after], async (first = '', second = '') => {
      const said = await limpet(['bench', 'compare', first, second])
      expect(said.status).to.equal(0)
      expect(said.stdout).to.match(/^connection: process CPU, µs\n/)
      expect(said.stdout).to.match(/^ {2}Limpet +11 +16\.5 +1\.50 \(1\.25 … 1\.80\) +worse$/m)
      expect(said.stdout).to.match(/^ {2}noisy +11 +13 +1\.18 \(1\.00 … 1\.40\) +within the noise$/m)
      expect(said.stdout).to.match(/^ {2}Limpet +110 +220 +2\.00 .* +better$/m)
      expect(said.stderr).to.match(/^note: 3 series /m)
      const statuses = ['1.6', '1.4'].map(limit => limpet(['bench', 'compare', first, second, '--fail-above', limit]))
      const [passed, failed] = await Promise.all(statuses)
      expect([passed?.status, failed?.status]).to.deep.equal([0, 1])
      expect(failed?.stderr)
        .to.contain('worse: connection: Limpet, process CPU: 11 → 16.5 µs\n')
        .and.not.to.contain('noisy')
      const json = await limpet(['bench', 'compare', first, second, '--json', '--fail-above', '1.1'])
      expect(json).to.include({ status: 1, stderr: '' })
      expect(JSON.parse(json.stdout)).to.have.all.keys('changes', 'worse', 'notes')
    })
  })

  describe('refuses with one sentence', () => {
    const refused: Record<string, { content: BenchResult | string; says: RegExp; status?: number }> = {
      'what is no JSON': { content: '{', says: /0\.json cannot be used: it is no JSON: / },
      'what is no report': { content: '{"format":1}', says: /is no report of limpet bench \(bench: / },
      'a list': { content: '[]', says: /is no report of limpet bench \(/ },
      'another format': {
        content: JSON.stringify({ ...RELAY, format: 2 }),
        says: /its format is 2, and this version of Limpet reads format 1/,
      },
      'a sample that is no number': {
        content: JSON.stringify(RELAY).replace('[70,60,80]', '[70,"60",80]'),
        says: /is no report of limpet bench \(series\.0\.samples\.1: /,
      },
      'another benchmark': {
        content: { ...RELAY, bench: 'scale' },
        says: /is a report of bench scale, and .* one of bench relay/,
        status: 64,
      },
    }
    for (const [name, { content, says, status = 1 }] of Object.entries(refused)) {
      it(name, async () => {
        await withFiles([content, RELAY], async (...files) => {
          const said = await limpet(['bench', 'compare', ...files])
          expect(said.stderr).to.match(says)
          expect(said).to.include({ status, stdout: '' })
        })
      })
    }

    it('a file that is not there, and a folder without a report', async () => {
      await using directory = await Directory.make()
      for (const path of [directory.file('no.json'), directory.path]) {
        const said = await limpet(['bench', 'compare', path, path])
        expect(said.stderr).to.match(/^limpet: the report .*\.json cannot be used: there is no such file\n$/)
        expect(said).to.include({ status: 1, stdout: '' })
      }
    })
  })
})
