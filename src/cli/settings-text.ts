import { Document, isCollection, isMap, isScalar, type Node, type Pair, visit, type YAMLMap } from 'yaml'
import { describeConfig } from '../config/describe.ts'
import type { PoolSecret } from '../config/pool-secret.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import { visible } from '../visible.ts'
import { digestsOf } from './digests.ts'
import type { TableFileReport } from './table-files.ts'
import type { Terminal } from './terminal.ts'

/** Mappings and lists that hold only short things are written on one line. */
const DEEPEST_BLOCK = 3

/**
 * Every setting in force as YAML, with the digests as comments. What it says can be read back as a configuration; of a
 * secret that stands in the configuration itself only a comment is left.
 */
export function settingsText(
  config: ResolvedConfig,
  terminal: Terminal,
  tableFiles: ReadonlyMap<string, TableFileReport>,
): string {
  const document = new Document(describeConfig(config))
  document.commentBefore = ` ${summary(config)}`
  const digests = digestsOf(config)
  for (const [name, pool] of config.pools) {
    const node = document.getIn(['pools', name]) as YAMLMap
    showSecret(node, 'secret', pool.secret)
    const file = tableFiles.get(name)
    const told = file === undefined ? '' : `\n file of the stick table: ${file.status} (${file.reason})`
    const digest = digests.get(name)
    node.commentBefore = ` digest ${digest ?? 'as the backends are that will be found'}${told}`
  }
  if (config.admin?.token !== undefined) showSecret(document.get('admin') as YAMLMap, 'token', config.admin.token)
  if (config.cluster !== undefined) showSecret(document.get('cluster') as YAMLMap, 'url', config.cluster.url)
  visit(document, {
    Collection: (_, node, path) => {
      if (isShort(node, path.filter(isCollection).length)) node.flow = true
    },
  })
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: true })
  return terminal.hasColours ? text.replace(/^.*$/gm, line => colourLine(line, terminal)) : text
}

function summary({ file, listeners, pools }: ResolvedConfig): string {
  const all = [...pools.values()]
  const backends = all.reduce((sum, pool) => sum + pool.backends.length, 0)
  const found = all.filter(({ discovery }) => discovery !== undefined).length
  const counts = [count(listeners.length, 'listener'), count(pools.size, 'pool'), count(backends, 'backend')]
  // Those that will be found are not known here.
  if (found > 0) counts.push(`the backends of ${count(found, 'pool')} to be found`)
  return `${visible(file ?? 'the configuration')} is valid: ${counts.join(', ')}`
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}

/** A secret as it could be written in the configuration, or a comment in its place. */
function showSecret(parent: YAMLMap, name: 'secret' | 'token' | 'url', secret: PoolSecret): void {
  const { source } = secret
  if (source.kind === 'env') parent.set(name, pairs({ env: source.name }))
  else if (source.kind === 'file') parent.set(name, pairs({ file: source.path }))
  else {
    const index = parent.items.findIndex(({ key }) => isScalar(key) && key.value === name)
    const next = parent.items[index + 1]?.key as Node | undefined
    parent.items.splice(index, 1)
    if (next !== undefined)
      next.commentBefore = ` ${name}: ${source.kind === 'text' ? 'in the configuration, not shown' : "derived from the pool's name"}`
  }
}

function pairs(value: Record<string, string>): YAMLMap {
  return new Document(value).contents as unknown as YAMLMap
}

/** Below the settings of a pool or a listener everything fits a line, but lists of several. */
function isShort(node: Node, depth: number): boolean {
  if (!isMap(node)) return false
  const onlyScalars = node.items.every((pair: Pair) => isScalar(pair.value))
  return depth >= DEEPEST_BLOCK || (onlyScalars && depth === 1)
}

function colourLine(line: string, terminal: Terminal): string {
  if (/^\s*#/.test(line)) return terminal.style('dim', line)
  return line.replace(
    /^(\s*(?:- )?)([\w.:@/-]+)(?=:( |$))/,
    (_, indent: string, key: string) => indent + terminal.style('cyan', key),
  )
}
