import type { Program } from './program.ts'

const NOWHERE = -1
/** Numbers of a way. */
const WIDTH = 3

/** Ways through the program that are still open, in an order: of each the step where it is, and where its key begins and ends. */
class Ways {
  readonly #numbers: Int32Array
  #used = 0

  constructor(most: number) {
    this.#numbers = new Int32Array(most * WIDTH)
  }

  get count(): number {
    return this.#used / WIDTH
  }

  push(at: number, begin: number, end: number): void {
    const numbers = this.#numbers
    numbers[this.#used++] = at
    numbers[this.#used++] = begin
    numbers[this.#used++] = end
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
  /** By step: the pass in which it was reached last. */
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
    const { length } = program.steps
    this.#program = program
    this.#reached = new Uint32Array(length)
    this.#ways = new Ways(length)
    this.#next = new Ways(length)
    // A step is followed once in a pass, and opens two at most.
    this.#open = new Ways(2 * length + 1)
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
    for (let index = 0; index < ways.count && !this.#isCut; index++) {
      const step = this.#program.steps[ways.at(index)]
      if (step?.op !== 'byte' || step.set[byte] !== 1) continue
      this.#follow(ways.at(index) + 1, ways.begin(index), ways.end(index), undefined, false)
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
    this.#follow(0, NOWHERE, NOWHERE, undefined, false)
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
      this.#follow(ways.at(index), ways.begin(index), ways.end(index), after, true)
    }
    this.#endPass()
  }

  /** Follows a way to the steps that take a byte. `isKnown`: what follows is. */
  #follow(first: number, begin: number, end: number, after: number | undefined, isKnown: boolean): void {
    const open = this.#open
    open.clear()
    open.push(first, begin, end)
    while (open.count > 0 && !this.#isCut) {
      const last = open.pop()
      const at = open.at(last)
      if (this.#reached[at] === this.#pass) continue
      this.#reached[at] = this.#pass
      this.#take(at, open.begin(last), open.end(last), after, isKnown)
    }
  }

  #take(at: number, begin: number, end: number, after: number | undefined, isKnown: boolean): void {
    const step = this.#program.steps[at]
    switch (step?.op) {
      case 'byte':
        this.#next.push(at, begin, end)
        return
      case 'split':
        this.#open.push(step.other, begin, end)
        this.#open.push(step.next, begin, end)
        return
      case 'jump':
        this.#open.push(step.next, begin, end)
        return
      case 'assert':
        if (step.looksAhead && !isKnown) {
          this.#hasParked = true
          this.#next.push(at, begin, end)
        } else if (step.holds(this.#before, after)) this.#open.push(at + 1, begin, end)
        return
      case 'begin':
        this.#open.push(at + 1, this.#length, NOWHERE)
        return
      case 'end':
        this.#open.push(at + 1, begin, this.#length)
        return
      case 'forget':
        this.#open.push(at + 1, NOWHERE, NOWHERE)
        return
      case 'match':
        this.#match = { begin, end }
        this.#isCut = true
    }
  }
}
