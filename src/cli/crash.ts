import { writeSync } from 'node:fs'
import { descriptorProblem } from './descriptors.ts'
import { EXIT } from './exit-codes.ts'

const STDERR = 2

/**
 * Makes an error that nobody handled one clear line, and exit status 70; where there was no file descriptor, as to load
 * a module, which is no fault of Limpet, 1.
 */
export function handleCrashes(program: string): void {
  const crash = (error: unknown): never => {
    const problem = descriptorProblem(error)
    complain(`${problem === undefined ? crashText(program, error, process.env) : `${program}: ${problem}`}\n`)
    process.exit(problem === undefined ? EXIT.internal : EXIT.failed)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
}

/** An error that is no user's fault as one line; with `LIMPET_DEBUG=1` with its stack. */
export function crashText(program: string, error: unknown, env: NodeJS.ProcessEnv): string {
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: undefined }
  const line = message.replace(/\s*\n\s*/g, ' ')
  if (!env.LIMPET_DEBUG) return `${program}: internal error: ${line} (LIMPET_DEBUG=1 shows where)`
  return [`${program}: internal error: ${line}`, stack ?? '', ...causes(error)].join('\n').trimEnd()
}

function causes(error: unknown): string[] {
  const texts: string[] = []
  let cause = error instanceof Error ? error.cause : undefined
  for (let depth = 0; cause !== undefined && depth < 10; depth++) {
    texts.push(`caused by: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`)
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return texts
}

function complain(text: string): void {
  try {
    writeSync(STDERR, text)
  } catch {
    // Nobody can be told: the exit status has to do.
  }
}
