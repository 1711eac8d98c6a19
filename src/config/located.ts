import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type ParsedNode,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import type { Finding } from './parsed.ts'
import { type Path, quote } from './text.ts'

/** A value of a YAML document with its place in the text. */
export interface Located {
  value: unknown
  offset: number
  /** Of a mapping: where each key is, and what it has. */
  keys?: ReadonlyMap<string, { offset: number; node: Located }> | undefined
  /** Of a list. */
  items?: readonly Located[] | undefined
}

/** What aliases may expand to: a document of a few lines can otherwise stand for billions of values. */
const MOST_VALUES = 1_000_000
export const DEEPEST = 64
const LONGEST_COLLECTION = 20_000

/** The tags that say no more than the value itself does. */
const PLAIN_TAGS = new Set(['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map(tag => `tag:yaml.org,2002:${tag}`))

const KNOWN_TAGS = /^tag:yaml\.org,2002:(binary|merge|omap|pairs|set|timestamp)$/

/** The tag is not told: a secret that begins with ! looks like one. */
export const TAG_REFUSED = '! begins a tag, and tags are not accepted: put a text that begins with ! between quotes'

/** A finding whose place in the text is known. */
export interface PlacedFinding extends Finding {
  offset: number
}

/**
 * Turns a parsed document into plain values and remembers where they were.
 *
 * @param tags - where unknown tags begin, in the order of the text: a node begins behind its tag
 */
export function locate(
  contents: ParsedNode,
  tags: readonly number[] = [],
): { root: Located; findings: PlacedFinding[] } {
  const reader = new Reader(tags)
  const root = reader.read(contents, [], 0)
  return { root, findings: reader.findings }
}

class Reader {
  readonly findings: PlacedFinding[] = []
  /** Anchors in the order of the document; undefined while the anchored value itself is being read. */
  readonly #anchors = new Map<string, Node | undefined>()
  readonly #tags: readonly number[]
  #values = 0
  #full = false

  constructor(tags: readonly number[]) {
    this.#tags = tags
  }

  read(node: unknown, path: Path, fallback: number): Located {
    const offset = (node as Node | null)?.range?.[0] ?? fallback
    if (node === null || node === undefined || this.#full) return { value: null, offset }
    if (isAlias(node)) return this.#readAlias(node.source, path, offset)
    this.#values += 1
    if (this.#values > MOST_VALUES) return this.#tooMany(offset)
    const { anchor, tag } = node as Scalar
    if (isRefused(tag)) return this.#refuseTag(tag, path, offset)
    if (path.length > DEEPEST)
      return this.#refuse(path, offset, 'this is nested too deeply', `at most ${DEEPEST} levels`)
    if (anchor !== undefined) this.#anchors.set(anchor, undefined)
    const located = this.#readContent(node, path, offset)
    if (anchor !== undefined) this.#anchors.set(anchor, node as Node)
    return located
  }

  #readContent(node: unknown, path: Path, offset: number): Located {
    if (isMap(node)) return this.#readMap(node, path, offset)
    if (isSeq(node)) return this.#readSeq(node, path, offset)
    return { value: isScalar(node) ? node.value : null, offset }
  }

  #readAlias(name: string, path: Path, offset: number): Located {
    const target = this.#anchors.get(name)
    if (target !== undefined) return this.read(target, path, offset)
    if (this.#anchors.has(name)) return this.#refuse(path, offset, `the alias ${quote(`*${name}`)} contains itself`)
    if (path.at(-1) === 'secret')
      return this.#refuse(path, offset, '* begins an alias: put a text that begins with * between quotes')
    return this.#refuse(path, offset, `there is no anchor ${quote(`&${name}`)} before this alias${insteadOf(name)}`)
  }

  #readMap(map: YAMLMap, path: Path, offset: number): Located {
    const value: Record<string, unknown> = {}
    const keys = new Map<string, { offset: number; node: Located }>()
    if (map.items.length > LONGEST_COLLECTION) return this.#tooLong(path, offset)
    for (const pair of map.items) {
      const keyOffset = (pair.key as Node | null)?.range?.[0] ?? offset
      const key = this.#readKey(pair.key, path, keyOffset)
      if (key === undefined) continue
      const node = this.read(pair.value, [...path, key], keyOffset)
      if (keys.has(key)) {
        this.#note([...path, key], keyOffset, 'this key is there twice', 'each key once')
        continue
      }
      keys.set(key, { offset: keyOffset, node })
      value[key] = node.value
    }
    return { value, offset, keys }
  }

  #readKey(node: unknown, path: Path, offset: number): string | undefined {
    const text = isScalar(node) ? keyText(node) : undefined
    if (text === undefined) this.#note(path, offset, 'a key must be a plain text')
    // Assigning to it would change the prototype instead of adding a key.
    else if (text === '__proto__') this.#note([...path, text], offset, 'this key is not accepted')
    else {
      const { tag } = node as Scalar
      if (isRefused(tag)) this.#refuseTag(tag, [...path, text], offset)
      return text
    }
    return undefined
  }

  #refuseTag(tag: string, path: Path, offset: number): Located {
    if (KNOWN_TAGS.test(tag)) return this.#refuse(path, offset, `the tag ${quote(tag)} is not accepted`)
    return this.#refuse(path, this.#tags.findLast(begin => begin <= offset) ?? offset, TAG_REFUSED)
  }

  #readSeq(seq: YAMLSeq, path: Path, offset: number): Located {
    if (seq.items.length > LONGEST_COLLECTION) return this.#tooLong(path, offset)
    const items = seq.items.map((item, index) => this.read(item, [...path, index], offset))
    return { value: items.map(item => item.value), offset, items }
  }

  #tooLong(path: Path, offset: number): Located {
    return this.#refuse(
      path,
      offset,
      'there are too many entries',
      `at most ${LONGEST_COLLECTION} in one list or mapping`,
    )
  }

  #tooMany(offset: number): Located {
    this.#full = true
    return this.#refuse(
      [],
      offset,
      'the document has too many values once its aliases are expanded',
      `at most ${MOST_VALUES}`,
    )
  }

  #note(path: Path, offset: number, message: string, accepted?: string): void {
    this.findings.push({ path, offset, message, accepted })
  }

  #refuse(path: Path, offset: number, message: string, accepted?: string): Located {
    this.findings.push({ path, offset, message, accepted, unread: true })
    return { value: null, offset }
  }
}

/** What begins with * for another reason: an address in the form of others, or all names below one. */
function insteadOf(alias: string): string {
  if (/^:\d+$/.test(alias)) return `; for every address write ${quote(alias)}`
  return alias.startsWith('.') ? `; a name that begins with * stands between quotes: "*${alias}"` : ''
}

function isRefused(tag: string | undefined): tag is string {
  return tag !== undefined && !PLAIN_TAGS.has(tag)
}

/** Names like 007 or 1e3 stay what was written. */
function keyText(key: Scalar): string | undefined {
  if (typeof key.value === 'string') return key.value
  return key.value === null || typeof key.source !== 'string' || key.source === '' ? undefined : key.source
}

/** Where a place of the document is in the text: the value, its key, or the nearest thing around it that exists. */
export function offsetOf(root: Located, path: Path, at: 'key' | 'value'): number {
  let node = root
  let keyOffset = root.offset
  for (const step of path) {
    const entry = typeof step === 'number' ? undefined : node.keys?.get(step)
    const next = typeof step === 'number' ? node.items?.[step] : entry?.node
    if (next === undefined) return keyOffset
    keyOffset = entry?.offset ?? next.offset
    node = next
  }
  return at === 'key' ? keyOffset : node.offset
}
