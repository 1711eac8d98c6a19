import { createRequire } from 'node:module'

interface Manifest {
  version: string
  engines: { node: string }
}

const manifest = createRequire(import.meta.url)('../package.json') as Manifest

export const VERSION = manifest.version

/** One sentence if this Node is older than package.json's `engines`, else undefined. */
export function nodeProblem(version: string, engines: string = manifest.engines.node): string | undefined {
  const oldest = engines.replace(/^>=\s*/, '')
  const isOlder = compare(parts(version), parts(oldest)) < 0
  return isOlder ? `this is Node ${version}, but Limpet needs Node ${oldest} or newer.` : undefined
}

function parts(version: string): number[] {
  return version.split('.').map(part => Number.parseInt(part, 10) || 0)
}

function compare(left: readonly number[], right: readonly number[]): number {
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
