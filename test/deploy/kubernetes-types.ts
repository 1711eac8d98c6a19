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
 * What is wrong with manifests, as the compiler has it: each is compared with the type that `kubernetes-types` makes of
 * the API's own description, so that unknown fields are found, those that are missing, and values of another type.
 */
export async function typeErrors(manifests: readonly Manifest[]): Promise<string> {
  await using directory = await Directory.make()
  await symlink(join(ROOT, 'node_modules'), directory.file('node_modules'))
  await writeFile(directory.file('package.json'), '{ "type": "module" }')
  await writeFile(directory.file('manifests.ts'), manifests.map(declaration).join('\n'))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const options = ['--noEmit', '--strict', '--module', 'preserve', '--types', '']
  const compiler = new Program(process.execPath, [tsc, ...options, 'manifests.ts'], { cwd: directory.path })
  const { code } = await compiler.exited
  if ((code === 0) !== (compiler.output === '')) throw new Error(`tsc ended with ${code}: ${compiler.output}`)
  return compiler.output
}

function declaration(manifest: Manifest, index: number): string {
  const { apiVersion, kind } = manifest
  const module = apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`
  return [
    `import type { ${kind} as Kind${index} } from 'kubernetes-types/${module}'`,
    `export const manifest${index}: Kind${index} = ${JSON.stringify(manifest, undefined, 2)}`,
  ].join('\n')
}
