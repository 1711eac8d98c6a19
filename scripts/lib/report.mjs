/**
 * A failure that the user can do something about: its message is all that they need, so no stack trace is shown.
 */
export class BuildError extends Error {
  /**
   * @param {string} message complete sentences
   * @param {string} [output] what the failed program wrote
   */
  constructor(message, output = '') {
    super(message)
    this.name = 'BuildError'
    this.output = output
  }
}

/**
 * Runs a script's main function; a {@link BuildError} ends it with its message and exit status 1.
 *
 * @param {() => void | Promise<void>} main
 */
export async function runMain(main) {
  try {
    await main()
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    if (error.output !== '') console.error(error.output.trimEnd())
    console.error(`limpet: ${error.message}`)
    process.exitCode = 1
  }
}
