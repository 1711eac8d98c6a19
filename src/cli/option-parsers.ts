import { InvalidArgumentError } from 'commander'
import { readDuration } from '../config/duration.ts'
import { nearestName, quote } from '../config/text.ts'

/** Makes a parser of a whole number. */
export function wholeNumber(least: number, greatest: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= greatest) return value
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${greatest}.`)
  }
}

/** Makes a parser of a number of more than `above`. */
export function numberAbove(above: number, greatest: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+(\.\d+)?$/.test(text) && value > above && value <= greatest) return value
    throw new InvalidArgumentError(`It must be a number of more than ${above}, and at most ${greatest}.`)
  }
}

/** Makes a parser of a duration, in milliseconds. */
export function millisecondsFrom(min: number, max: number): (text: string) => number {
  return text => {
    const parsed = readDuration(text, { min, max }, 'yaml')
    if ('value' in parsed) return parsed.value
    const { message, accepted } = parsed.refusal
    throw new InvalidArgumentError(`${message}. It must be ${accepted}.`)
  }
}

/** The same, but it stays a text: whoever it is sent to reads it as the configuration does. */
export function durationFrom(min: number, max: number): (text: string) => string {
  const parse = millisecondsFrom(min, max)
  return text => {
    parse(text)
    return text
  }
}

/** Makes a parser of names with commas between them. */
export function listOf<Name extends string>(names: readonly Name[]): (text: string) => Name[] {
  const isKnown = (name: string): name is Name => names.some(known => known === name)
  return text => {
    const chosen: Name[] = []
    for (const name of text.split(',').map(part => part.trim())) {
      if (!isKnown(name)) throw new InvalidArgumentError(unknownName(name, names))
      if (!chosen.includes(name)) chosen.push(name)
    }
    return chosen
  }
}

function unknownName(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names)
  const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`
  return `There is no ${quote(name)}.${hint} There is ${names.join(', ')}.`
}

/** Makes a parser of whole numbers from 1 on, with commas between them. */
export function countsOf(greatest: number): (text: string) => number[] {
  const parse = wholeNumber(1, greatest)
  return text => text.split(',').map(part => parse(part.trim()))
}
