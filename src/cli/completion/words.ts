import type { Command, Option } from 'commander'

/** A word that can be typed, and what it is for. */
export interface Word {
  text: string
  about: string
}

/** What can follow in one place of the command line. */
export interface Place {
  /** The words before, like `limpet bench`. */
  at: string
  commands: Word[]
  /** Values of an argument, where they are known. */
  values: Word[]
  options: OptionWords[]
}

export interface OptionWords {
  short: string | undefined
  long: string
  about: string
  /** What follows it. */
  value: 'none' | 'file' | 'other'
}

/** Every place of the command line, the program itself first. */
export function placesOf(command: Command, at: string = command.name()): Place[] {
  // What `help` is asked about is typed behind it.
  const named = command.name() === 'help' ? (command.parent?.commands ?? []) : command.commands
  const commands = named.map(known => ({ text: known.name(), about: known.summary() }))
  const values = command.registeredArguments.flatMap(argument =>
    (argument.argChoices ?? []).map(text => ({ text, about: argument.description })),
  )
  const options = command.createHelp().visibleOptions(command).map(wordsOf)
  const place = { at, commands, values, options }
  return [place, ...command.commands.flatMap(known => placesOf(known, `${at} ${known.name()}`))]
}

function wordsOf({ short, long, description, flags, required, optional }: Option): OptionWords {
  const takesFile = /<(file|dir)>/.test(flags)
  const value = required || optional ? (takesFile ? 'file' : 'other') : 'none'
  return { short: short ?? undefined, long: long ?? short ?? flags, about: description, value }
}

/** Forms of all options whose value is of a kind, each once. */
export function optionsWith(places: readonly Place[], value: OptionWords['value']): string[] {
  const options = places.flatMap(place => place.options).filter(option => option.value === value)
  return [...new Set(options.flatMap(({ short, long }) => (short === undefined ? [long] : [short, long])))]
}
