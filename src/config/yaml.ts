import { Composer, type Document, isMap, isSeq, Lexer, type ParsedNode, Parser, type YAMLError } from 'yaml'
import { visible } from '../visible.ts'
import { MOST_PROBLEMS } from './findings.ts'
import { Lines, type Position } from './lines.ts'
import { DEEPEST, type Located, locate, type PlacedFinding, TAG_REFUSED } from './located.ts'
import { type Piece, QuotedText, unquotedAddresses } from './quoted.ts'
import { type Path, quote } from './text.ts'

/** Largest text of a configuration: some 40,000 backends. */
export const MOST_CONFIG_BYTES = 4 * 1024 * 1024
/** A token costs the parser microseconds, so that this many keep it below a few seconds whatever they are. */
const MOST_TOKENS = 1_000_000
const MOST_SYNTAX_FINDINGS = 20
/** What the lexer emits that stands for no text: document, flow end, scalar. */
const LEXER_MARKS = new Set(['\x02', '\x18', '\x1f'])

/** A YAML text as plain values, with the place of each; `root` is absent if it could not be read. */
export interface YamlText extends ReadDocument {
  /** Where in the text an offset of a value or of a finding is. */
  position: (offset: number) => Position
}

interface ReadDocument {
  root?: Located | undefined
  findings: PlacedFinding[]
}

interface Composed {
  documents: YamlDocument[]
  findings: PlacedFinding[]
}

type YamlDocument = Document.Parsed<ParsedNode>

/** Reads one YAML 1.2 document. Never throws for a text, and takes a bounded time for any. */
export function readYaml(text: string): YamlText {
  const lines = new Lines(text)
  const position = (offset: number): Position => lines.position(offset)
  const bytes = Buffer.byteLength(text)
  if (bytes > MOST_CONFIG_BYTES) return { position, findings: [tooLarge(`the text has ${bytes} bytes`, 0)] }
  const composed = compose(text)
  const unquoted = findUnquoted(text, composed)
  return unquoted.length > 0 ? readQuoted(text, unquoted, position) : { ...read(composed, lines), position }
}

/** What is wrong with an address without quotes is known so well that everything behind it can be read all the same. */
function findUnquoted(text: string, { documents, findings }: Composed): Piece[] {
  const [document] = documents
  if (findings.length > 0 || document === undefined) return []
  const stumbles = new Set(document.errors.map(error => error.pos[0]))
  return unquotedAddresses(
    text,
    [...stumbles].sort((left, right) => left - right),
  ).slice(0, MOST_PROBLEMS)
}

/** Reads a text as if it had the quotes that are missing, and tells that they are. */
function readQuoted(text: string, unquoted: readonly Piece[], position: YamlText['position']): YamlText {
  const quoted = new QuotedText(text, unquoted)
  const composed = compose(quoted.text)
  const { root, findings } = read(composed, new Lines(quoted.text))
  const contents = composed.documents[0]?.contents ?? null
  const missing = unquoted.map(({ start, end }, index) => {
    const offset = quoted.starts[index] ?? 0
    return { ...syntax(quotesMissing(text.slice(start, end)), offset), path: pathAt(contents, offset) }
  })
  const all = [...missing, ...findings].sort((left, right) => left.offset - right.offset)
  return { root, findings: all, position: offset => position(quoted.originalOffset(offset)) }
}

function quotesMissing(address: string): string {
  return `an IPv6 address must be between quotes, because [ ] is a list in YAML: write ${quote(address)}`
}

function read({ documents, findings }: Composed, lines: Lines): ReadDocument {
  const [document, second] = documents
  if (findings.length > 0) return { findings }
  const broken = document === undefined ? [] : syntaxFindings(document, lines)
  if (broken.length > 0) return { findings: broken }
  if (document === undefined || document.contents === null) return { findings: [emptyDocument()] }
  if (second !== undefined)
    return { findings: [syntax('a second document begins here', second.range[0], 'one document in a file')] }
  const tags = document.warnings.map(error => error.pos[0])
  const located = locate(document.contents, tags)
  const whole = located.findings.find(({ path, unread }) => path.length === 0 && unread === true)
  return whole === undefined ? located : { findings: [whole] }
}

function emptyDocument(): PlacedFinding {
  return syntax('the document is empty', 0, 'a mapping with at least the key pools')
}

/** Feeds the parser token by token, to stop where a text could otherwise cost minutes or the whole stack. */
function compose(text: string): Composed {
  const documents: YamlDocument[] = []
  const parser = new Parser()
  const composer = new Composer({ version: '1.2', uniqueKeys: false, prettyErrors: false, logLevel: 'silent' })
  const guard = new TokenGuard()
  let broken = 0
  const take = (tokens: ReturnType<Parser['next']>): boolean => {
    for (const token of tokens) {
      // A directive is no mistake by itself, but nobody needs more than one.
      if (token.type === 'error' || token.type === 'directive') broken += 1
      documents.push(...composer.next(token))
    }
    return documents.length < 2 && broken < MOST_SYNTAX_FINDINGS
  }
  for (const lexeme of new Lexer().lex(text)) {
    const refused = guard.check(lexeme)
    if (refused !== undefined) return { documents, findings: [refused] }
    if (!take(parser.next(lexeme))) break
  }
  take(parser.end())
  documents.push(...composer.end(true, text.length))
  return { documents, findings: [] }
}

/** Counts tokens and nesting. Nesting by indentation needs a text as long as its square, and is bounded by its size. */
class TokenGuard {
  #offset = 0
  #tokens = 0
  #brackets = 0
  #indicators = 0

  check(lexeme: string): PlacedFinding | undefined {
    const offset = this.#offset
    if (!LEXER_MARKS.has(lexeme)) this.#offset += lexeme.length
    this.#tokens += 1
    this.#nest(lexeme)
    if (this.#brackets > DEEPEST || this.#indicators > DEEPEST)
      return syntax('this is nested too deeply', offset, `at most ${DEEPEST} levels`)
    return this.#tokens > MOST_TOKENS ? tooLarge('the document has too many parts', offset) : undefined
  }

  #nest(lexeme: string): void {
    if (lexeme === '[' || lexeme === '{') this.#brackets += 1
    else if (lexeme === ']' || lexeme === '}') this.#brackets = Math.max(0, this.#brackets - 1)
    else if (lexeme.endsWith('\n')) this.#indicators = 0
    else if (this.#brackets === 0 && (lexeme === '-' || lexeme === '?' || lexeme === ':')) this.#indicators += 1
  }
}

function syntaxFindings(document: YamlDocument, lines: Lines): PlacedFinding[] {
  const seen = new Set<number>()
  const findings: PlacedFinding[] = []
  // An unknown tag changes nothing else: it is refused with its value.
  const warnings = document.warnings.filter(({ code }) => code !== 'TAG_RESOLVE_FAILED')
  for (const error of [...document.errors, ...warnings]) {
    const offset = error.pos[0]
    const { line } = lines.position(offset)
    // What follows on the same line is most often the same mistake again.
    if (seen.has(line)) continue
    seen.add(line)
    findings.push(explain(document, error, lines))
    if (findings.length === MOST_SYNTAX_FINDINGS) break
  }
  const { yaml } = document.directives
  if (yaml.explicit === true && yaml.version !== '1.2')
    findings.push(syntax(`the document says that it is YAML ${yaml.version}`, 0, 'YAML 1.2'))
  return findings
}

const UNQUOTED_IPV6 = /(?<=[\s:,{[-]|^)\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%\w+)?\](:\d+)?/

function explain(document: YamlDocument, error: YAMLError, lines: Lines): PlacedFinding {
  const offset = error.pos[0]
  const address = UNQUOTED_IPV6.exec(lines.lineAt(offset))
  if (address === null) return { ...syntax(reasonOf(error), offset), path: pathAt(document.contents, offset) }
  const start = lines.lineStart(offset) + address.index
  return { ...syntax(quotesMissing(address[0]), start), path: pathAt(document.contents, start - 1) }
}

function reasonOf(error: YAMLError): string {
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'a tab cannot indent in YAML: use spaces'
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a second ": " on one line: begin a new line, or put the value between quotes'
    case 'BAD_SCALAR_START':
      return `${lowered(error.message)}: put the value between quotes`
    case 'RESOURCE_EXHAUSTION':
      return 'this is nested too deeply'
    case 'UNEXPECTED_TOKEN':
      return unexpected(error.message)
    case 'TAG_RESOLVE_FAILED':
      return TAG_REFUSED
    default:
      return lowered(error.message)
  }
}

/** Tells the token if it is punctuation; other pieces of the text may be part of a secret. */
function unexpected(message: string): string {
  const [, token] = /: "([[\]{},:?-]{1,2})"$/.exec(message) ?? []
  if (token !== undefined) return `unexpected ${quote(token)}`
  return /^Unexpected [\w-]+ (token|at node end)/.test(message)
    ? 'unexpected text: a quote, a comma or a line break may be missing before it'
    : lowered(message.replace(/:.*$/s, ''))
}

function lowered(message: string): string {
  return visible(`${message.charAt(0).toLowerCase()}${message.slice(1)}`)
}

/** The path of the innermost value that begins before an offset: near enough for a syntax error. */
function pathAt(root: ParsedNode | null, offset: number): Path {
  const path: (string | number)[] = []
  let node: unknown = root
  while (path.length < DEEPEST) {
    const step = isMap(node) ? lastPair(node.items, offset) : isSeq(node) ? lastItem(node.items, offset) : undefined
    if (step === undefined) return path
    path.push(step.step)
    // What is below it may be a piece of the secret.
    if (step.step === 'secret' || step.step === 'token') return path
    node = step.node
  }
  return path
}

interface Step {
  step: string | number
  node: unknown
}

function lastPair(items: readonly { key: unknown; value: unknown }[], offset: number): Step | undefined {
  const pair = items.findLast(({ key }) => startOf(key) <= offset)
  const key = (pair?.key as { source?: unknown } | undefined)?.source
  // An error at the beginning of a key is about the mapping.
  return pair === undefined || startOf(pair.key) === offset || typeof key !== 'string' || key === ''
    ? undefined
    : { step: key, node: pair.value }
}

function lastItem(items: readonly unknown[], offset: number): Step | undefined {
  const index = items.findLastIndex(item => startOf(item) <= offset)
  return index < 0 ? undefined : { step: index, node: items[index] }
}

function startOf(node: unknown): number {
  return (node as { range?: [number, number, number] | null } | null)?.range?.[0] ?? Number.POSITIVE_INFINITY
}

function syntax(message: string, offset: number, accepted?: string): PlacedFinding {
  return { path: [], message, accepted, offset }
}

function tooLarge(message: string, offset: number): PlacedFinding {
  return syntax(
    message,
    offset,
    `at most ${MOST_CONFIG_BYTES / 1024 / 1024} MiB and ${MOST_TOKENS.toLocaleString('en')} tokens`,
  )
}
