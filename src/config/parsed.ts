import type { ErrorCode } from '../errors.ts'
import type { Path } from './text.ts'

/** Why a value was refused: the end of a sentence whose beginning is the place in the document. */
export interface Refusal {
  message: string
  accepted?: string | undefined
  code?: ErrorCode | undefined
}

/** What a reader of one value returns: the value as it is used, or why it was refused. */
export type Parsed<T> = { value: T } | { refusal: Refusal }

export const accept = <T>(value: T): Parsed<T> => ({ value })
export const refuse = (message: string, accepted?: string, code?: ErrorCode): { refusal: Refusal } => ({
  refusal: { message, accepted, code },
})

/** A refusal with its place in the document, before the place in the file is known. */
export interface Finding extends Refusal {
  path: Path
  /** What is wrong: the key itself, or the value that it has (default). */
  at?: 'key' | 'value' | undefined
  /** The value could not be read at all, so that nothing else can be said about it. */
  unread?: boolean | undefined
  /** The known key that an unknown one was probably meant to be. */
  meant?: string | undefined
}
