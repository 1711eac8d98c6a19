import { type AST, RegExpParser } from '@eslint-community/regexpp'

/** What must hold at a place, between two bytes; `before` and `after` are undefined at the ends. */
export type Condition = (before: number | undefined, after: number | undefined) => boolean

/** One step of a program; `next` and `other` are numbers of steps, and `next` is tried first. */
export type Step =
  /** Takes a byte that is in the set. */
  | { op: 'byte'; set: Uint8Array }
  | { op: 'split'; next: number; other: number }
  | { op: 'jump'; next: number }
  /** `looksAhead`: it depends on the byte that follows. */
  | { op: 'assert'; holds: Condition; looksAhead: boolean }
  /** The key begins here, ends here, or was nothing. */
  | { op: 'begin' | 'end' | 'forget' | 'match' }
  /** A round of a loop whose body may be empty begins, or ends: it must have taken a byte. `depth`: of such loops, from 1. */
  | { op: 'round' | 'taken'; depth: number }

/** A regular expression that can be run over bytes in time that is linear in their number. */
export interface Program {
  readonly steps: readonly Step[]
  /** It can match at the first byte only. */
  readonly isAnchored: boolean
  /** How many loops whose bodies may be empty lie in one another, at most. */
  readonly depth: number
}

const MOST_STEPS = 1000
const FLAGS = /^[ims]*$/
const WORD = /\w/
const LINE_FEED = 10

/**
 * Compiles `/…/flags`. Each of its characters is a byte (latin1).
 *
 * @throws an Error that says why it cannot be one: its syntax, or what takes more than linear time
 */
export function compileRegex(text: string): Program {
  const { pattern, flags } = new RegExpParser().parseLiteral(text)
  if (!FLAGS.test(flags.raw)) throw new Error(`the flags ${flags.raw} are not all of i, m and s`)
  const compiler = new Compiler(flags)
  const steps = compiler.compile(pattern)
  return { steps, isAnchored: isAnchored(steps), depth: compiler.mostDepth }
}

/** Writes the steps of a pattern, as Thompson (1968) and Pike have it. */
class Compiler {
  readonly #flags: AST.Flags
  readonly #steps: Step[] = []
  /** What is the key: the first group, or all of it. */
  #key: AST.Node | undefined
  /** Of loops whose bodies may be empty, around what is compiled now. */
  #depth = 0
  mostDepth = 0

  constructor(flags: AST.Flags) {
    this.#flags = flags
  }

  compile(pattern: AST.Pattern): readonly Step[] {
    this.#key = firstGroup(pattern) ?? pattern
    this.#captured(pattern, () => this.#alternatives(pattern.alternatives))
    this.#add({ op: 'match' })
    return this.#steps
  }

  #add<S extends Step>(step: S): S {
    if (this.#steps.length >= MOST_STEPS) throw new Error(`it is too large: more than ${MOST_STEPS} steps`)
    this.#steps.push(step)
    return step
  }

  get #here(): number {
    return this.#steps.length
  }

  #captured(node: AST.Node, body: () => void): void {
    if (node === this.#key) this.#add({ op: 'begin' })
    body()
    if (node === this.#key) this.#add({ op: 'end' })
  }

  #alternatives(alternatives: readonly AST.Alternative[]): void {
    const exits: { next: number }[] = []
    for (const [index, { elements }] of alternatives.entries()) {
      const isLast = index === alternatives.length - 1
      const split = isLast ? undefined : this.#add({ op: 'split', next: this.#here + 1, other: 0 })
      for (const element of elements) this.#element(element)
      if (split === undefined) continue
      exits.push(this.#add({ op: 'jump', next: 0 }))
      split.other = this.#here
    }
    for (const exit of exits) exit.next = this.#here
  }

  #element(node: AST.Element): void {
    switch (node.type) {
      case 'Character':
      case 'CharacterSet':
      case 'CharacterClass':
        this.#add({ op: 'byte', set: this.#setOf(node.raw) })
        return
      case 'Group':
        if (node.modifiers !== null) throw new Error('flags inside of it are not taken')
        this.#alternatives(node.alternatives)
        return
      case 'CapturingGroup':
        this.#captured(node, () => this.#alternatives(node.alternatives))
        return
      case 'Quantifier':
        this.#quantifier(node)
        return
      case 'Assertion':
        this.#assertion(node)
        return
      default:
        throw new Error(`${node.raw} takes more than linear time`)
    }
  }

  #quantifier({ min, max, greedy, element }: AST.Quantifier): void {
    for (let count = 0; count < min; count++) {
      const before = this.#here
      this.#repeated(element)
      // Of nothing any number is nothing, and no limit would end this.
      if (this.#here === before) break
    }
    if (max === Number.POSITIVE_INFINITY) {
      const at = this.#here
      const split = this.#add({ op: 'split', next: 0, other: 0 })
      this.#round(element)
      this.#add({ op: 'jump', next: at })
      this.#direct(split, at + 1, greedy)
      return
    }
    const splits: { next: number; other: number; at: number }[] = []
    for (let count = min; count < max; count++) {
      const at = this.#here
      splits.push(Object.assign(this.#add({ op: 'split', next: 0, other: 0 }), { at }))
      this.#round(element)
    }
    for (const split of splits) this.#direct(split, split.at + 1, greedy)
  }

  /** Into the body first, or past it first. */
  #direct(split: { next: number; other: number }, body: number, greedy: boolean): void {
    split.next = greedy ? body : this.#here
    split.other = greedy ? this.#here : body
  }

  /** One that need not be: JavaScript does not take it where it takes no byte, but looks for another way through it. */
  #round(element: AST.Element): void {
    if (!mayBeEmpty(element)) {
      this.#repeated(element)
      return
    }
    const depth = ++this.#depth
    this.mostDepth = Math.max(this.mostDepth, depth)
    this.#add({ op: 'round', depth })
    this.#repeated(element)
    this.#add({ op: 'taken', depth })
    this.#depth--
  }

  /** Each round forgets what the group was in the one before. */
  #repeated(element: AST.Element): void {
    if (this.#key !== undefined && this.#key.start >= element.start && this.#key.end <= element.end) {
      this.#add({ op: 'forget' })
    }
    this.#element(element)
  }

  #assertion(node: AST.Assertion): void {
    const { multiline } = this.#flags
    switch (node.kind) {
      case 'start':
        this.#add({
          op: 'assert',
          holds: before => before === undefined || (multiline && before === LINE_FEED),
          looksAhead: false,
        })
        return
      case 'end':
        this.#add({
          op: 'assert',
          holds: (_, after) => after === undefined || (multiline && after === LINE_FEED),
          looksAhead: true,
        })
        return
      case 'word':
        this.#add({
          op: 'assert',
          holds: (before, after) => (isWord(before) !== isWord(after)) !== node.negate,
          looksAhead: true,
        })
        return
      default:
        throw new Error(`${node.raw} takes more than linear time`)
    }
  }

  /** Of one character: JavaScript itself is asked, so that classes and cases are its own. */
  #setOf(raw: string): Uint8Array {
    const { ignoreCase, dotAll } = this.#flags
    const one = new RegExp(`^(?:${raw})$`, `${ignoreCase ? 'i' : ''}${dotAll ? 's' : ''}`)
    const set = Uint8Array.from({ length: 256 }, (_, byte) => Number(one.test(String.fromCharCode(byte))))
    if (!set.includes(1)) throw new Error(`${raw} is no byte`)
    return set
  }
}

function isWord(byte: number | undefined): boolean {
  return byte !== undefined && WORD.test(String.fromCharCode(byte))
}

function mayBeEmpty(node: AST.Element): boolean {
  switch (node.type) {
    case 'Assertion':
      return true
    case 'Group':
    case 'CapturingGroup':
      return node.alternatives.some(({ elements }) => elements.every(mayBeEmpty))
    case 'Quantifier':
      return node.min === 0 || mayBeEmpty(node.element)
    default:
      return false
  }
}

function firstGroup(pattern: AST.Pattern): AST.CapturingGroup | undefined {
  let first: AST.CapturingGroup | undefined
  const look = (node: AST.Element | AST.Alternative): void => {
    if (node.type === 'CapturingGroup') first ??= node
    if (node.type === 'Quantifier') look(node.element)
    else if (node.type === 'Alternative') node.elements.forEach(look)
    else if ('alternatives' in node) node.alternatives.forEach(look)
  }
  pattern.alternatives.forEach(look)
  return first
}

/** Whether no way leads from the beginning to a byte, or to the end, but through what holds at the first byte only. */
function isAnchored(steps: readonly Step[]): boolean {
  const seen = new Set<number>()
  const escapes = (at: number): boolean => {
    const step = steps[at]
    if (seen.has(at) || step === undefined) return false
    seen.add(at)
    if (step.op === 'byte' || step.op === 'match') return true
    if (step.op === 'split') return escapes(step.next) || escapes(step.other)
    if (step.op === 'jump') return escapes(step.next)
    // A line feed before it: the one thing that would let it pass further on.
    if (step.op === 'assert' && !step.looksAhead && !step.holds(LINE_FEED, undefined)) return false
    return escapes(at + 1)
  }
  return !escapes(0)
}
