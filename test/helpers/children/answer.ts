/** The functions of a child process that its parent calls; see {@link Child} in test/helpers/processes.ts. */
export type Methods = Record<string, (...args: never[]) => unknown>

interface Call {
  id: number
  method: string
  args: never[]
}

/** Answers the parent's calls until it has gone; then the process ends. */
export function answerParent(methods: Methods): void {
  process.on('message', message => void answer(methods, message as Call))
  process.on('disconnect', () => process.exit())
}

async function answer(methods: Methods, { id, method, args }: Call): Promise<void> {
  try {
    const value = method === 'ping' ? true : await methods[method]?.(...args)
    process.send?.({ id, value })
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}
