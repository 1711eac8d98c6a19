// Formatter and linter of everything: Biome for TypeScript and JSON, clang-format for C++. `--write` puts in order what
// can be put in order.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { findCommand, ROOT } from './lib/paths.mjs'
import { BuildError, runMain } from './lib/report.mjs'
import { run } from './lib/run.mjs'
import { listFiles } from './lib/stamp.mjs'

// Another major version lays some lines out differently.
const CLANG_FORMAT_MAJOR = 14

const write = process.argv.includes('--write')

await runMain(async () => {
  const failed = [await biome(), await clangFormat()].includes(false)
  if (failed)
    throw new BuildError(
      write ? 'not everything could be put in order.' : 'not in order; npm run format mends most of it.',
    )
})

/** @returns {Promise<boolean>} whether all is well */
async function biome() {
  const manifest = createRequire(import.meta.url).resolve('@biomejs/biome/package.json')
  const args = [
    join(dirname(manifest), 'bin', 'biome'),
    'check',
    ...(write ? ['--write'] : []),
    '--error-on-warnings',
    '.',
  ]
  const { status, output } = await run(process.execPath, args, { cwd: ROOT })
  console.log(output.trimEnd())
  return status === 0
}

/** @returns {Promise<boolean>} whether all is well */
async function clangFormat() {
  const program = await findClangFormat()
  if (!program) {
    const missing = `clang-format ${CLANG_FORMAT_MAJOR} is not installed (Debian: apt-get install clang-format-${CLANG_FORMAT_MAJOR}); C++ is not checked.`
    if (process.env.LIMPET_TEST_REQUIRE_PEERS === '1') throw new BuildError(missing)
    console.log(missing)
    return true
  }
  const directories = ['native', 'test/native', 'test/fuzz', 'bench'].filter(directory =>
    existsSync(join(ROOT, directory)),
  )
  const files = directories.flatMap(directory => listFiles(ROOT, directory, ['.cc', '.h']))
  if (files.length === 0) return true
  const { status, output } = await run(program, [...(write ? ['-i'] : ['--dry-run', '-Werror']), ...files], {
    cwd: ROOT,
  })
  console.log(output.trimEnd() || `Checked ${files.length} files of C++.`)
  return status === 0
}

async function findClangFormat() {
  for (const name of [`clang-format-${CLANG_FORMAT_MAJOR}`, 'clang-format']) {
    const program = findCommand(name)
    if (!program) continue
    const { output } = await run(program, ['--version'])
    if (output.includes(`version ${CLANG_FORMAT_MAJOR}.`)) return program
  }
  return undefined
}
