import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { SaxesParser } from 'saxes'
import { performancePlots, performanceSection, readmeSection, withSection } from '../../src/bench/page.ts'
import { readResult } from '../../src/bench/read-result.ts'
import { INK, PALETTE } from '../../src/bench/report/colours.ts'
import { folderName, openFolder, writeFolder } from '../../src/bench/report/folder.ts'
import { reportMarkdown } from '../../src/bench/report/markdown.ts'
import { formatNumber, formatRatio, formatSummary } from '../../src/bench/report/numbers.ts'
import { plotsOf } from '../../src/bench/report/plots.ts'
import { mainTable, ratioTables, tablesOf } from '../../src/bench/report/tables.ts'
import { LimpetError } from '../../src/errors.ts'
import { Directory } from '../helpers/directory.ts'
import { RELAY, result, series } from './sample.ts'

/** Texts of an SVG document; throws if it is no well-formed XML. */
function textsOf(svg: string): string[] {
  const texts: string[] = []
  const parser = new SaxesParser()
  parser.on('error', error => {
    throw error
  })
  parser.on('text', text => {
    if (text.trim() !== '') texts.push(text.trim())
  })
  parser.write(svg).close()
  return texts
}

describe('bench: reports', () => {
  it('writes numbers with three digits', () => {
    expect([0, 1, 0.97195, 9.6, 12.345, 4_070_432, 1000].map(formatNumber)).to.deep.equal(
      ['0', '1', '0.972', '9.60', '12.3', '4,070,000', '1,000'], // prettier than 4070432
    )
    expect(formatSummary({ median: 2, min: 1.5, max: 3, count: 3 }, formatRatio)).to.equal('2.00 (1.50 … 3.00)')
    expect(formatSummary({ median: 2, min: 2, max: 2, count: 3 })).to.equal('2')
  })

  it('has a table for each trial and metric', () => {
    const tables = tablesOf(RELAY, true)
    expect(tables.map(({ title }) => title)).to.deep.equal([
      'connection: process CPU, µs (lower is better)',
      'connection: latency p99, µs (lower is better)',
      'round trip: process CPU, µs (lower is better)',
    ])
    expect(tables[0]).to.deep.include({
      header: ['', 'median', 'min … max', 'expected'],
      rows: [
        ['Limpet', '70', '60 … 80', '–'],
        ['HAProxy', '90', '80 … 100', '84'],
      ],
    })
    expect(tables[2]).to.deep.include({
      header: ['sessions', 'Limpet', 'HAProxy', 'expected'],
      rows: [
        ['10', '14 (13 … 15)', '16 (16 … 17)', '15'],
        ['1,000', '14 (13 … 15)', '16 (16 … 17)', '15'],
      ],
    })
    expect(tablesOf(RELAY, false)[2]?.rows[0]).to.deep.equal(['10', '14', '16', '15'])
    const withoutProcess = result([
      series({ subject: 'direct', metric: 'latency' }),
      series({}),
      series({ metric: 'latency' }),
    ])
    expect(tablesOf(withoutProcess, true).map(({ title }) => title.split(',')[0])).to.deep.equal([
      'connection: process CPU',
      'connection: latency',
    ])
    expect(tablesOf(result([series({ samples: [null] })]), true)[0]?.rows).to.deep.equal([['Limpet', '–', '–']])
  })

  it('tells ratios of Limpet to the others, pair by pair', () => {
    const [connection, latency] = ratioTables(RELAY)
    expect(connection).to.deep.include({ header: ['ratio to', 'HAProxy'], rows: [['Limpet', '0.75 (0.70 … 0.89)']] })
    // The second round gave no sample of HAProxy.
    expect(latency?.rows).to.deep.equal([['Limpet', '1.16 (1.11 … 1.20)']])
    expect(ratioTables(result([series({ subject: 'a' }), series({ subject: 'b' })]))).to.deep.equal([])
  })

  it('has a main table with the first metric of each trial', () => {
    expect(mainTable(RELAY)).to.deep.include({
      header: ['', 'Limpet', 'HAProxy'],
      rows: [['connection: process CPU, µs', '70', '90']],
    })
    expect(mainTable(result([]))).to.equal(undefined)
  })

  it('draws plots that are well-formed, have titles and units, and are the same every time', () => {
    const plots = plotsOf(RELAY)
    expect(plots.map(({ name }) => name)).to.deep.equal([
      'relay-connection-process-cpu.svg',
      'relay-connection-latency-p99.svg',
      'relay-round-trip-process-cpu-sessions.svg',
    ])
    const [bars = [], , lines = []] = plots.map(({ svg }) => textsOf(svg))
    expect(bars).to.include.members(['Connection', 'process CPU, µs', 'Limpet', 'HAProxy', '70', '90'])
    expect(lines).to.include.members([
      'Round trip',
      'process CPU, µs',
      'sessions',
      '10',
      '1,000',
      'Limpet',
      'HAProxy',
      'expected',
    ])
    expect(plotsOf(RELAY)).to.deep.equal(plots)
  })

  it('draws nothing in a colour that the dark does not change or suit', () => {
    const known = new Set<string>([...PALETTE, ...Object.values(INK), 'none', 'transparent', '#fff'])
    for (const { name, svg } of plotsOf(RELAY)) {
      // Lines and clips have a fill that is not seen.
      const seen = svg.replace(/ stroke="[^"]*" stroke-width="0"/g, '')
      const used = [...seen.matchAll(/ stroke="([^"]*)"|<(?:text|rect)[^>]* fill="([^"]*)"/g)].map(
        match => match[1] ?? match[2] ?? '',
      )
      expect(used.length).to.be.above(10)
      expect(
        used.filter(colour => !known.has(colour)),
        name,
      ).to.deep.equal([])
    }
  })

  it('draws what has no sample, one sample, zeros, or names with signs of XML', () => {
    const odd = [
      series({ trial: 'a <b> & "c"', subject: '<x>', samples: [0] }),
      series({ trial: 'none', samples: [null] }),
      series({ trial: 'none at', samples: [null], at: { name: '&', value: 0 } }),
      series({ trial: 'one at', samples: [5], at: { name: 'n', value: 3 } }),
    ]
    for (const { svg } of plotsOf(result(odd))) expect(textsOf(svg)).not.to.deep.equal([])
  })

  it('has a Markdown document with facts, notes, tables and plots', () => {
    const text = reportMarkdown(RELAY)
    expect(text).to.match(
      /^# limpet bench relay\n\n- 2026-11-26, Limpet 0\.1\.0, commit abc1234567, Node 20\.20\.2, Linux 6\.18\n/,
    )
    expect(text).to.contain('- a processor, 2 cores, 4 GiB\n')
    expect(text).to.contain('- connection: HAProxy, round 2: it <failed> badly\n')
    expect(text).to.contain(
      '](relay-connection-process-cpu.svg)\n\n|  | median | min … max | expected |\n|---|---:|---:|---:|\n| Limpet | 70 |',
    )
  })

  it('is a folder whose result reads back', async () => {
    await using directory = await Directory.make()
    const folder = directory.file('a/b')
    await openFolder(folder)
    await writeFolder(folder, RELAY)
    expect(readdirSync(folder).sort()).to.deep.equal([
      'relay-connection-latency-p99.svg',
      'relay-connection-process-cpu.svg',
      'relay-round-trip-process-cpu-sessions.svg',
      'report.json',
      'report.md',
    ])
    expect(await readResult(folder)).to.deep.equal(RELAY)
    expect(await readResult(`${folder}/report.json`)).to.deep.equal(RELAY)
    const links = [...readFileSync(`${folder}/report.md`, 'utf8').matchAll(/!\[.*\]\((.*)\)/g)].map(([, link]) => link)
    expect(readdirSync(folder)).to.include.members(links)
    expect(folderName('relay', new Date(RELAY.began))).to.equal('limpet-bench-relay-2026-11-26-034512')
  })

  it('says with a code what cannot be written', async () => {
    await using directory = await Directory.make()
    const path = `${directory.file('report.json')}`
    await writeFolder(directory.path, RELAY)
    const error = await openFolder(path).catch((problem: unknown) => problem)
    expect(error).to.be.instanceOf(LimpetError).with.property('code', 'LIMPET_ERR_REPORT_WRITE')
    expect(error).to.have.property('path', path)
  })

  it('makes pages between their marks', () => {
    const page = 'before\n<!-- npm run bench:docs: begin -->\nold\n<!-- npm run bench:docs: end -->\nafter\n'
    const written = withSection(page, performanceSection([RELAY]))
    expect(written).to.match(/^before\n<!-- npm run bench:docs: begin -->\n\n## Connections/)
    expect(written).to.match(/\n\n<!-- npm run bench:docs: end -->\nafter\n$/)
    expect(withSection(written, performanceSection([RELAY]))).to.equal(written)
    const shown = [...written.matchAll(/\]\(plots\/(.*)\)/g)].map(([, name]) => name)
    expect(performancePlots([RELAY]).map(({ name }) => name)).to.deep.equal(shown)
    expect(shown).to.deep.equal(['relay-connection-process-cpu.svg', 'relay-round-trip-process-cpu-sessions.svg'])
    expect(readmeSection([RELAY])).to.match(
      /^\| {2}\| Limpet \| HAProxy \|\n\|---\|---:\|---:\|\n\| connection: process CPU, µs \| 70 \| 90 \|\n\nMedians of 3 rounds/,
    )
    expect(readmeSection([result([], { bench: 'pick' })])).to.equal('')
    expect(() => withSection('no marks', '')).to.throw(RangeError)
  })
})
