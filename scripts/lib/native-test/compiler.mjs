import { existsSync } from 'node:fs'
import { findCommand } from '../paths.mjs'
import { BuildError } from '../report.mjs'
import { run } from '../run.mjs'

const VERSIONS = [14, 15, 16, 17, 18, 19, 20, 21]

const CLANG = [...VERSIONS.map(version => `clang++-${version}`), 'clang++']

/**
 * The compiler of the tests: CXX, else Clang, whose sanitizers find more, else GCC.
 *
 * @returns {Promise<string>}
 */
export async function findTestCompiler() {
  return firstOf(process.env.CXX ? [process.env.CXX] : [...CLANG, 'g++', 'c++'])
}

/**
 * The compiler of the fuzz targets: CXX if that is Clang, else Clang. GCC has no libFuzzer.
 *
 * @returns {Promise<string>}
 */
export async function findFuzzCompiler() {
  const named = process.env.CXX
  return firstOf(named && /clang/.test(named) ? [named] : CLANG)
}

/**
 * The compiler of an addon that runs in a Node without sanitizers: GCC, since a program that was not compiled with
 * Clang's thread sanitizer crashes when that is loaded before it.
 *
 * @returns {Promise<string>}
 */
export async function findAddonTestCompiler() {
  return firstOf(['g++', 'c++'])
}

/**
 * GCC's shared library of a sanitizer, for LD_PRELOAD.
 *
 * @param {string} compiler
 * @param {string} sanitizer
 */
export async function sharedRuntime(compiler, sanitizer) {
  const name = `lib${sanitizer}.so`
  const { output } = await run(compiler, [`-print-file-name=${name}`])
  const file = output.trim()
  if (existsSync(file)) return file
  throw new BuildError(`${compiler} has no ${name}; install it (Debian: apt-get install g++).`)
}

/** @param {readonly string[]} names */
function firstOf(names) {
  for (const name of names) {
    const file = findCommand(name)
    if (file) return file
  }
  throw new BuildError(
    `no C++ compiler was found (tried ${names.join(', ')}); install one (Debian: apt-get install clang-14 libclang-rt-14-dev).`,
  )
}
