import { findCommand } from '../paths.mjs'
import { BuildError } from '../report.mjs'

const VERSIONS = [14, 15, 16, 17, 18, 19, 20, 21]

/**
 * The compiler of the tests: CXX, else Clang, whose sanitizers find more, else GCC.
 *
 * @returns {Promise<string>}
 */
export async function findTestCompiler() {
  const names = process.env.CXX
    ? [process.env.CXX]
    : [...VERSIONS.map(version => `clang++-${version}`), 'clang++', 'g++', 'c++']
  for (const name of names) {
    const file = findCommand(name)
    if (file) return file
  }
  throw new BuildError(
    `no C++ compiler was found (tried ${names.join(', ')}); install one (Debian: apt-get install clang-14 libclang-rt-14-dev).`,
  )
}
