import { EXIT } from './exit-codes.ts'

/** A failure whose message is all that the user needs. */
export class CliError extends Error {
  override readonly name: string = 'CliError'
  readonly exitCode: number

  constructor(message: string, exitCode: number = EXIT.failed, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** The command line was not understood; the user is shown where its help is. */
export class UsageError extends CliError {
  override readonly name = 'UsageError'

  constructor(message: string) {
    super(message, EXIT.usage)
  }
}

/** Whoever read the output has gone: no failure, but nothing more can be said to them. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone'
}
