// A balancer in a process of its own.
import { Balancer, type BalancerOptions, type CloseResult, type Stats } from '../../../src/index.ts'
import { answerParent } from './answer.ts'

let balancer: Balancer | undefined

function opened(): Balancer {
  if (balancer === undefined) throw new Error('open() was not called')
  return balancer
}

answerParent({
  async open(options: BalancerOptions): Promise<unknown> {
    balancer = new Balancer(options)
    await balancer.listen()
    return balancer.address()
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
  collect: (): void => globalThis.gc?.(),
})
