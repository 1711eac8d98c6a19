import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { parse } from 'yaml'
import { Metrics } from '../../../src/index.ts'
import { cleanUp, makeBalancer } from '../../lifecycle/helpers.ts'
import { parseExposition } from '../metrics/exposition.ts'

interface Dashboard {
  templating: { list: { query: string }[] }
  panels: { id: number; title: string; targets: { expr: string }[] }[]
}
interface Rule {
  alert: string
  expr: string
  annotations: { summary: string; description: string }
}

function textOf(name: string): string {
  return readFileSync(new URL(`../../../deploy/${name}`, import.meta.url), 'utf8')
}

async function expectKnown(expressions: string[]): Promise<void> {
  const families = parseExposition(await new Metrics(makeBalancer()).render())
  const names = expressions.flatMap(text => text.match(/\b(?:limpet|nodejs|process)_\w+/g) ?? [])
  expect(names.length).to.be.at.least(expressions.length)
  for (const name of names) {
    const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
    expect(family, name).to.not.equal(undefined)
    expect(name.endsWith('_bucket'), name).to.equal(family?.type === 'histogram')
  }
}

describe('deploy', () => {
  afterEach(cleanUp)

  it('has a dashboard that asks for metrics that there are', async () => {
    const { panels, templating } = JSON.parse(textOf('grafana/limpet.json')) as Dashboard
    expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length)
    const labels = templating.list.map(({ query }) => query).filter(query => query.startsWith('label_values'))
    expect(labels).to.have.length(2)
    await expectKnown([...labels, ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))])
  })

  it('tells of each instance that is down, of the job that it says how to make', () => {
    const { groups } = parse(textOf('prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }
    const down = groups.flatMap(group => group.rules).find(({ alert }) => alert === 'LimpetDown')
    const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(textOf('README.md')) ?? []
    const { scrape_configs: jobs } = parse(yaml) as { scrape_configs: { job_name: string }[] }
    const parts = down?.expr.split(/\s+or\s+/) ?? []
    expect(parts).to.include(`up{job="${jobs[0]?.job_name}"} == 0`).and.include('absent(limpet_info)')
    expect(down?.annotations.summary).to.include('$labels.instance')
  })

  it('has alerts about metrics that there are, and says what to do', async () => {
    const { groups } = parse(textOf('prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }
    const rules = groups.flatMap(group => group.rules)
    expect(new Set(rules.map(({ alert }) => alert)).size).to.equal(rules.length)
    for (const { alert, annotations } of rules) {
      expect(annotations.summary, alert).to.be.a('string').and.not.equal('')
      expect(annotations.description, alert).to.be.a('string').and.not.equal('')
    }
    await expectKnown(rules.map(({ expr }) => expr))
  })
})
