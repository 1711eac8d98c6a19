import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Directory } from '../helpers/directory.ts'
import { Program } from '../helpers/programs.ts'
import { ROOT } from './samples.ts'

/** What every object of Kubernetes says of itself. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; labels?: Record<string, string> }
}

/**
 * What is wrong with each manifest, as the compiler has it; nothing: an empty text. Each is compared with the type that
 * `kubernetes-types` makes of the API's own description, so that unknown fields are found, those that are missing, and
 * values of another type.
 */
export async function typeErrors(manifests: readonly Manifest[]): Promise<string[]> {
  await using directory = await Directory.make()
  await symlink(join(ROOT, 'node_modules'), directory.file('node_modules'))
  await writeFile(directory.file('package.json'), '{ "type": "module" }')
  const files = manifests.map((_, index) => `manifest${index}.ts`)
  await Promise.all(manifests.map((manifest, index) => writeFile(directory.file(files[index] ?? ''), typed(manifest))))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const options = ['--noEmit', '--strict', '--module', 'preserve', '--types', '', '--pretty', 'false']
  const compiler = new Program(process.execPath, [tsc, ...options, ...files], { cwd: directory.path })
  const { code } = await compiler.exited
  const lines = compiler.output.split('\n').filter(line => line !== '')
  const errors = files.map(file => lines.filter(line => line.startsWith(`${file}(`)).join('\n'))
  // It may fail for another reason, too.
  if ((code === 0) !== errors.every(text => text === '')) throw new Error(`tsc ended with ${code}: ${compiler.output}`)
  return errors
}

function typed(manifest: Manifest): string {
  const { apiVersion, kind } = manifest
  const module = apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`
  return [
    `import type { ${kind} } from 'kubernetes-types/${module}'`,
    `export const manifest: ${kind} = ${JSON.stringify(manifest, undefined, 2)}`,
  ].join('\n')
}
