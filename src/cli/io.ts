import type { EventEmitter } from 'node:events'
import { Terminal, type TextStream } from './terminal.ts'

/** What a command can touch of its process; tests give their own. */
export interface Io {
  stdin: AsyncIterable<Buffer | string>
  stdout: Terminal
  stderr: Terminal
  env: NodeJS.ProcessEnv
  /** Emits SIGINT, SIGTERM and SIGHUP. */
  signals: EventEmitter
}

/** That of this process; standard input is not touched before it is read. */
export function processIo(): Io {
  const { env, stdout, stderr } = process
  return {
    stdin: { [Symbol.asyncIterator]: () => process.stdin[Symbol.asyncIterator]() },
    stdout: new Terminal(stdout as TextStream, env),
    stderr: new Terminal(stderr as TextStream, env),
    env,
    signals: process,
  }
}
