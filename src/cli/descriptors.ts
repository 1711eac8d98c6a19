import { closeSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const SENTENCES: Record<string, string> = {
  EMFILE: 'too many open files (EMFILE): raise the limit of this process, e.g. ulimit -n 4096',
  ENFILE: 'too many open files in the whole system (ENFILE): raise fs.file-max, or lower ulimit -n of other programs',
}
const DEEPEST_CAUSE = 10

/** One sentence if an error is, or comes from, a want of file descriptors, else undefined. */
export function descriptorProblem(error: unknown): string | undefined {
  let cause = error
  for (let depth = 0; cause instanceof Error && depth < DEEPEST_CAUSE; depth++) {
    const { code = '' } = cause as NodeJS.ErrnoException
    const shortage = code === 'ERR_MODULE_NOT_FOUND' ? hiddenPackage(cause.message) : code
    if (shortage !== undefined && Object.hasOwn(SENTENCES, shortage)) return SENTENCES[shortage]
    cause = cause.cause
  }
  return undefined
}

/**
 * Without a descriptor Node cannot read the package.json of a package, takes it for one without, and reports that its
 * index.js is missing. Such a package can be found by now, or still cannot be read.
 */
function hiddenPackage(message: string): string | undefined {
  const [, directory] = /^Cannot find package '(.+)[/\\]index\.js' imported from /.exec(message) ?? []
  if (directory === undefined) return undefined
  try {
    closeSync(openSync(join(directory, 'package.json'), 'r'))
    createRequire(join(directory, 'package.json')).resolve(directory)
    return 'EMFILE'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}
