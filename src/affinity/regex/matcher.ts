import type { Program } from './program.ts'

const NOWHERE = -1
/** Numbers of a way. */
const WIDTH = 4

/**
 * Ways through the program that are still open, in an order: of each the step where it is, where its key begins and ends, and how
 * many of the loops around it, of those whose bodies may be empty, have taken a byte in this round: the outermost ones, as a byte
 * is one for all of them.
 */
class Ways {
  readonly #numbers: Int32Array
  #used = 0

  constructor(most: number) {
    this.#numbers = new Int32Array(most * WIDTH)
  }

  get count(): number {
    return this.#used / WIDTH
  }

  push(at: number, begin: number, end: number, taken: number): void {
    const numbers = this.#numbers
    numbers[this.#used++] = at
    numbers[this.#used++] = begin
    numbers[this.#used++] = end
    numbers[this.#used++] = taken
  }

  /** Takes the last one off; its numbers can be read until another one is pushed. Gives its index. */
  pop(): number {
    this.#used -= WIDTH
    return this.count
  }

  at(index: number): number {
    return this.#numbers[index * WIDTH] as number
  }

  begin(index: number): number {
    return this.#numbers[index * WIDTH + 1] as number
  }

  end(index: number): number {
    return this.#numbers[index * WIDTH + 2] as number
  }

  taken(index: number): number {
    return this.#numbers[index * WIDTH + 3] as number
  }

  clear(): void {
    this.#used = 0
  }
}

/**
 * Runs a program over bytes that come bit by bit. Every way through it is followed at one time (Pike's machine), so that a byte
 * costs as many steps as the program has at most, whatever the bytes are. The match is the one that JavaScript's own RegExp would
 * find in all of the bytes, and it is told as soon as no byte that may follow could change it.
 */
export class Matcher {
  readonly #program: Program
  /** In the order in which JavaScript would try them. */
  #ways: Ways
  #next: Ways
  /** Those that are to be followed, the next one last. */
  readonly #open: Ways
  /** By step and `taken`: the pass in which it was reached last. */
  readonly #reached: Uint32Array
  #pass = 0
  #length = 0
  #before: number | undefined
  #hasParked = false
  /** A match; only ways that are tried before it may still find another one. */
  #match: { begin: number; end: number } | undefined
  /** A match was found in this pass: those behind it are of no interest. */
  #isCut = false

  constructor(program: Program) {
    const states = statesOf(program)
    this.#program = program
    this.#reached = new Uint32Array(states)
    this.#ways = new Ways(states)
    this.#next = new Ways(states)
    // A state is followed once in a pass, and opens two at most.
    this.#open = new Ways(2 * states + 1)
    this.#beginPass()
    this.#beginMatch()
    this.#endPass()
  }

  /** How many bytes it has seen. */
  get length(): number {
    return this.#length
  }

  /** Nothing that follows changes the verdict. */
  get isDecided(): boolean {
    return this.#ways.count === 0 && (this.#match !== undefined || this.#program.isAnchored)
  }

  /** Where the key is; undefined: there is no match, or nothing in its group. */
  get key(): { begin: number; end: number } | undefined {
    const { begin, end } = this.#match ?? { begin: NOWHERE, end: NOWHERE }
    return begin < 0 || end <= begin ? undefined : { begin, end }
  }

  feed(byte: number): void {
    if (this.#hasParked) this.#unpark(byte)
    this.#beginPass()
    this.#length++
    this.#before = byte
    const ways = this.#ways
    const { steps, depth } = this.#program
    for (let index = 0; index < ways.count && !this.#isCut; index++) {
      const step = steps[ways.at(index)]
      if (step?.op !== 'byte' || step.set[byte] !== 1) continue
      this.#open.push(ways.at(index) + 1, ways.begin(index), ways.end(index), depth)
      this.#follow(undefined, false)
    }
    this.#beginMatch()
    this.#endPass()
  }

  /** No byte follows. */
  finish(): void {
    this.#unpark(undefined)
  }

  /** A match may begin here, if none has begun before. */
  #beginMatch(): void {
    if (this.#match !== undefined || (this.#program.isAnchored && this.#length > 0)) return
    this.#open.push(0, NOWHERE, NOWHERE, this.#program.depth)
    this.#follow(undefined, false)
  }

  #beginPass(): void {
    this.#pass++
    this.#isCut = false
    this.#hasParked = false
    this.#next.clear()
  }

  #endPass(): void {
    const ways = this.#ways
    this.#ways = this.#next
    this.#next = ways
  }

  /** Goes on with the ways that waited to know what follows. */
  #unpark(after: number | undefined): void {
    this.#beginPass()
    const ways = this.#ways
    for (let index = 0; index < ways.count && !this.#isCut; index++) {
      this.#open.push(ways.at(index), ways.begin(index), ways.end(index), ways.taken(index))
      this.#follow(after, true)
    }
    this.#endPass()
  }

  /** Follows the open way to the steps that take a byte. `isKnown`: what follows is. */
  #follow(after: number | undefined, isKnown: boolean): void {
    const open = this.#open
    const { depth } = this.#program
    while (open.count > 0 && !this.#isCut) {
      const last = open.pop()
      const state = open.at(last) * (depth + 1) + open.taken(last)
      if (this.#reached[state] === this.#pass) continue
      this.#reached[state] = this.#pass
      this.#take(last, after, isKnown)
    }
    open.clear()
  }

  /** `last`: of the open ways, taken off. */
  #take(last: number, after: number | undefined, isKnown: boolean): void {
    const open = this.#open
    const at = open.at(last)
    const begin = open.begin(last)
    const end = open.end(last)
    const taken = open.taken(last)
    const step = this.#program.steps[at]
    switch (step?.op) {
      case 'byte':
        this.#next.push(at, begin, end, taken)
        return
      case 'split':
        open.push(step.other, begin, end, taken)
        open.push(step.next, begin, end, taken)
        return
      case 'jump':
        open.push(step.next, begin, end, taken)
        return
      case 'assert':
        if (step.looksAhead && !isKnown) {
          this.#hasParked = true
          this.#next.push(at, begin, end, taken)
        } else if (step.holds(this.#before, after)) open.push(at + 1, begin, end, taken)
        return
      case 'round':
        open.push(at + 1, begin, end, Math.min(taken, step.depth - 1))
        return
      case 'taken':
        if (taken >= step.depth) open.push(at + 1, begin, end, taken)
        return
      case 'begin':
        open.push(at + 1, this.#length, NOWHERE, taken)
        return
      case 'end':
        open.push(at + 1, begin, this.#length, taken)
        return
      case 'forget':
        open.push(at + 1, NOWHERE, NOWHERE, taken)
        return
      case 'match':
        this.#match = { begin, end }
        this.#isCut = true
    }
  }
}

/** What a byte costs at most. */
export function statesOf({ steps, depth }: Program): number {
  return steps.length * (depth + 1)
}
