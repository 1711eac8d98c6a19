import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './programs.ts'
import type { Machine } from './result.ts'

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() || process.arch,
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    kernel: `${type()} ${release()}`,
    node: process.versions.node,
  }
}

/** The commit of a checkout, with `-dirty` if something was changed since; undefined: this is an installed package. */
export function commit(): string | undefined {
  if (!existsSync(join(ROOT, '.git'))) return undefined
  try {
    const args = ['describe', '--always', '--dirty', '--abbrev=10', '--exclude=*']
    return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    // Without git, or in a checkout of somebody else's: the version has to do.
    return undefined
  }
}
