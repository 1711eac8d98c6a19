import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { performancePlots, performanceSection, readmeSection, withSection } from '../../src/bench/page.ts'
import { readResult } from '../../src/bench/read-result.ts'
import { ROOT } from '../cli/helpers.ts'

const DATA = join(ROOT, 'docs', 'data')
const PLOTS = join(ROOT, 'docs', 'plots')

describe('docs/performance.md and the README', () => {
  it('are in step with the reports in docs/data (npm run bench:docs)', async () => {
    const names = readdirSync(DATA).sort()
    expect(names).not.to.deep.equal([])
    const results = await Promise.all(names.map(name => readResult(join(DATA, name))))
    expect(results.map(({ bench }) => `${bench}.json`)).to.deep.equal(names)
    for (const [file, text] of [
      ['docs/performance.md', performanceSection(results)],
      ['README.md', readmeSection(results)],
    ] as const) {
      const document = readFileSync(join(ROOT, file), 'utf8')
      expect(withSection(document, text) === document, `${file} is out of step`).to.equal(true)
    }
    const plots = performancePlots(results)
    expect(readdirSync(PLOTS).sort()).to.deep.equal(plots.map(({ name }) => name).sort())
    for (const { name, svg } of plots) {
      const file = join(PLOTS, name)
      expect(existsSync(file) && readFileSync(file, 'utf8') === svg, `docs/plots/${name} is out of step`).to.equal(true)
    }
  })
})
