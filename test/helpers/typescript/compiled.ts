import { execFileSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const KEPT = join(ROOT, 'build', 'test-programs')
/** Longer than any run of the tests. */
const KEPT_FOR_MS = 24 * 3_600_000
const COMPILE = fileURLToPath(new URL('compile.mjs', import.meta.url))
/** What they are made of: all that a module of {@link ENTRIES} may import. */
const SOURCES = ['src', 'test/helpers', 'test/lifecycle/fixtures', 'package-lock.json']
const CHILDREN = 'test/helpers/children'
const FIXTURES = 'test/lifecycle/fixtures'
/** The programs that tests start, with what is preloaded into them, or runs in their threads, and the library for others. */
const ENTRIES = [
  'src/cli/main.ts',
  'src/demo/main.ts',
  'src/index.ts',
  ...modulesIn(CHILDREN, /\.ts$/),
  ...modulesIn(FIXTURES, /\.mjs$/),
]

/** Passed on to worker processes of mocha and to the programs themselves, which may start others. */
const VARIABLE = 'LIMPET_TEST_PROGRAMS'

/**
 * A program of the tests, compiled from the sources as they are, with all that it imports in a few files: it starts in a third
 * of the CPU time that it needs when its hundreds of modules are loaded one by one, and the tests start hundreds.
 *
 * @param module - the program's file, of TypeScript or with a loader of it
 */
export function compiled(module: string | URL): string {
  const path = relative(ROOT, typeof module === 'string' ? module : fileURLToPath(module))
  if (!ENTRIES.includes(path)) throw new RangeError(`${path} is not among the programs of compiled.ts`)
  return join(compiledPrograms(), path.replace(/\.(ts|mjs)$/, '.mjs'))
}

/** The folder of the compiled programs, which are made anew when a source has changed. */
export function compiledPrograms(): string {
  const known = process.env[VARIABLE]
  if (known !== undefined) return known
  const folder = join(KEPT, hashOfSources())
  if (!existsSync(folder)) make(folder)
  process.env[VARIABLE] = folder
  return folder
}

function make(folder: string): void {
  mkdirSync(KEPT, { recursive: true })
  removeOld()
  const beside = `${folder}.${randomUUID()}`
  execFileSync(process.execPath, [COMPILE, beside, ...ENTRIES], { stdio: ['ignore', 'inherit', 'inherit'] })
  try {
    renameSync(beside, folder)
  } catch (error) {
    // Another process was faster.
    if (!existsSync(folder)) throw error
    rmSync(beside, { recursive: true })
  }
}

/** Those of other sources, unless a run may still start programs from them. */
function removeOld(): void {
  for (const path of readdirSync(KEPT).map(name => join(KEPT, name))) {
    const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (made < Date.now() - KEPT_FOR_MS) rmSync(path, { recursive: true, force: true })
  }
}

function hashOfSources(): string {
  const hash = createHash('sha1').update(process.version)
  for (const source of SOURCES)
    for (const file of filesOf(source)) hash.update(file).update(readFileSync(join(ROOT, file)))
  return hash.digest('hex')
}

function filesOf(path: string): string[] {
  if (path.includes('.')) return [path]
  const names = readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' })
  return names
    .filter(name => /\.(ts|mjs)$/.test(name))
    .map(name => join(path, name))
    .sort()
}

function modulesIn(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(ROOT, folder))
    .filter(name => pattern.test(name))
    .map(name => join(folder, name))
}
