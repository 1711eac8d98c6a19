/** One metric of an exposition. */
export interface Family {
  help: string
  type: string
  /** Value by the text of name and labels, as it was written. */
  samples: Map<string, number>
  /** Names of labels that a sample has. */
  labels: Set<string>
}

const LABEL = String.raw`[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"`
const SAMPLE = new RegExp(String.raw`^([a-zA-Z_:][\w:]*)(?:\{(${LABEL}(?:,${LABEL})*)\})? (\S+)$`)

/** Reads the text format of Prometheus, and throws at whatever is not as it should be. */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, Family>()
  let name = ''
  let help: string | undefined
  for (const line of text.split('\n').filter(line => line !== '')) {
    const [, keyword, of = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (keyword === 'HELP') {
      if (families.has(of) || help !== undefined) throw new Error(`unexpected: ${line}`)
      name = of
      help = rest
    } else if (keyword === 'TYPE') {
      if (of !== name || help === undefined || !/^(counter|gauge|histogram|summary)$/.test(rest)) {
        throw new Error(`unexpected: ${line}`)
      }
      families.set(name, { help, type: rest, samples: new Map(), labels: new Set() })
      help = undefined
    } else {
      addSample(families.get(name), name, line)
    }
  }
  return families
}

function addSample(family: Family | undefined, name: string, line: string): void {
  const [, of = '', labels = '', text = ''] = SAMPLE.exec(line) ?? []
  const value = Number(text)
  const isOfFamily =
    of === name || (family?.type === 'histogram' && /^_(bucket|sum|count)$/.test(of.slice(name.length)))
  const key = line.slice(0, line.lastIndexOf(' '))
  if (family === undefined || !isOfFamily || text === '' || family.samples.has(key))
    throw new Error(`unexpected: ${line}`)
  // Go, which reads it, takes every case; prom-client writes Nan.
  if (Number.isNaN(value) && !/^nan$/i.test(text)) throw new Error(`no number: ${line}`)
  family.samples.set(key, value)
  for (const [, label = ''] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) if (label !== 'le') family.labels.add(label)
}
