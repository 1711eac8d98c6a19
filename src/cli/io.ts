import type { EventEmitter } from 'node:events'
import type { ReadStream } from 'node:tty'
import { Terminal, type TextStream } from './terminal.ts'

/** What a command can touch of its process; tests give their own. */
export interface Io {
  stdin: AsyncIterable<Buffer | string>
  stdout: Terminal
  stderr: Terminal
  env: NodeJS.ProcessEnv
  /** Emits SIGINT, SIGTERM and SIGHUP. */
  signals: EventEmitter
  /** Standard input as keys; absent: it is no terminal. */
  keyboard?: Keyboard | undefined
}

/** What of a terminal is used to read single keys. */
export type Keyboard = Pick<ReadStream, 'setRawMode' | 'resume' | 'pause' | 'on' | 'off'>

/** That of this process; standard input is not touched before it is read. */
export function processIo(): Io {
  const { env, stdout, stderr } = process
  return {
    stdin: { [Symbol.asyncIterator]: () => process.stdin[Symbol.asyncIterator]() },
    stdout: new Terminal(stdout as TextStream, env),
    stderr: new Terminal(stderr as TextStream, env),
    env,
    signals: process,
    get keyboard() {
      return process.stdin.isTTY ? process.stdin : undefined
    },
  }
}
