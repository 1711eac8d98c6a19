import { InvalidArgumentError } from 'commander'
import { quote } from '../../config/text.ts'
import type { BackendOptions } from '../../index.ts'

/** A weight as it is typed. */
export interface TypedWeight {
  name: string
  weight: number
}

const MOST_WEIGHT = 65_535

/** `--remove b3`, as often as wanted. */
export function readName(text: string, before: string[] = []): string[] {
  if (text === '') throw new InvalidArgumentError('It must be the name of a backend.')
  return [...before, text]
}

/** `--weight b1=2` */
export function readWeight(text: string, before: TypedWeight[] = []): TypedWeight[] {
  const [, name = '', weight = ''] = /^(.+)=(\d+)$/.exec(text) ?? []
  if (name === '' || Number(weight) > MOST_WEIGHT) {
    throw new InvalidArgumentError(`It must be NAME=WEIGHT, with a weight from 0 to ${MOST_WEIGHT}, e.g. b1=2.`)
  }
  if (before.some(known => known.name === name)) throw new InvalidArgumentError(`${quote(name)} is there twice.`)
  return [...before, { name, weight: Number(weight) }]
}

/** `--add b4=10.0.0.4:6379@2` */
export function readAddition(text: string, before: BackendOptions[] = []): BackendOptions[] {
  const [, name = '', address = '', weight] = /^([^=]+)=(.+?)(?:@(\d+))?$/.exec(text) ?? []
  if (name === '' || Number(weight ?? 1) > MOST_WEIGHT) {
    throw new InvalidArgumentError('It must be NAME=ADDRESS or NAME=ADDRESS@WEIGHT, e.g. b4=10.0.0.4:6379@2.')
  }
  return [...before, { name, address, ...(weight === undefined ? {} : { weight: Number(weight) }) }]
}
