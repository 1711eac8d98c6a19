import { statSync, writeSync } from 'node:fs'
import { EXIT } from './exit-codes.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const
const STDERR = 2

/**
 * A signal that asks to stop before `run` listens to signals, while it is loaded or reads its configuration: nothing was
 * started, so there is nothing to finish, and that is told. Without this, whoever stops Limpet in its first moments sees
 * a process that a signal killed.
 */
export function stopEarly(args: readonly string[]): void {
  const stop = (signal: NodeJS.Signals): void => {
    for (const known of SIGNALS) process.off(known, stop)
    // Somebody listens by now.
    if (process.listenerCount(signal) > 0) return
    try {
      writeSync(STDERR, `limpet: stopped by ${signal} before anything was started\n`)
    } catch {
      // Nobody can be told: the exit status has to do.
    }
    // Exiting waits for a thread that reads, and such a reading may never end.
    if (args.some(namesPipe)) process.kill(process.pid, signal)
    else process.exit(EXIT.ok)
  }
  for (const signal of SIGNALS) process.on(signal, stop)
}

/** Whether an argument names, as a configuration may be named, what is neither a file nor a directory. */
function namesPipe(arg: string): boolean {
  try {
    const stats = statSync(arg.replace(/^(--config=|-c(?=.))/, ''))
    return !stats.isFile() && !stats.isDirectory()
  } catch {
    // Not the name of anything: nothing is read from it.
    return false
  }
}
