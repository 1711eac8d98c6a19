// A balancer in a process of its own.
import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, openSync } from 'node:fs'
import { Balancer, type BalancerOptions, type CloseResult, type Stats } from '../../../src/index.ts'
import { answerParent } from './answer.ts'

const NOBODY = 65_534
let fifos: number[] = []
let balancer: Balancer | undefined

function opened(): Balancer {
  if (balancer === undefined) throw new Error('open() was not called')
  return balancer
}

answerParent({
  /** Gives the address of the listener, if there is one. */
  async open(options: BalancerOptions): Promise<unknown> {
    balancer = new Balancer(options)
    await balancer.listen()
    return options.listeners?.length === 1 ? balancer.address() : null
  },
  stats: (): Stats => opened().stats(),
  close: async (timeoutMs: number): Promise<CloseResult> => await opened().close({ timeoutMs }),
  /** Ends the process, a moment after the answer. */
  exit: (code: number): void => void setImmediate(() => process.exit(code)),
  /** An exception that nobody catches. */
  crash: (): void =>
    void setImmediate(() => {
      throw new Error('planted')
    }),
  /** Becomes a user without privileges, and opens so many pipes (FIFOs, which Node can open) in a directory. */
  useUpPipes(directory: string, pipes: number): void {
    const files = Array.from({ length: pipes }, (_, n) => `${directory}/pipe${n}`)
    execFileSync('mkfifo', ['-m', '666', ...files])
    chmodSync(directory, 0o755)
    if (process.getuid?.() === 0) {
      process.setgid?.(NOBODY)
      process.setuid?.(NOBODY)
    }
    fifos = files.map(file => openSync(file, 'r+'))
  },
  giveUpPipes(): void {
    for (const fifo of fifos) closeSync(fifo)
    fifos = []
  },
  collect: (): void => globalThis.gc?.(),
})
