import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { ROOT } from '../paths.mjs'
import { BuildError } from '../report.mjs'
import { run } from '../run.mjs'
import { includeFlags } from './layout.mjs'

const COMMON = ['-std=c++20', '-O1', '-g', '-fno-omit-frame-pointer', '-fno-exceptions', '-fno-rtti', '-pthread']
const WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wconversion', '-Werror']
const DEFINES = ['-D_GLIBCXX_ASSERTIONS']

/** Compiles and links what changed since the last time, below build/native-test. */
export class ProgramBuilder {
  #compiler
  #directory
  #flags
  #includes

  /**
   * @param {string} compiler
   * @param {string} name of the directory
   * @param {readonly string[]} sanitizerFlags
   * @param {readonly string[]} [includes]
   */
  constructor(compiler, name, sanitizerFlags, includes = includeFlags()) {
    this.#compiler = compiler
    this.#directory = join(ROOT, 'build', 'native-test', name)
    this.#includes = includes
    this.#flags = [...COMMON, ...sanitizerFlags, '-fno-sanitize-recover=all']
    // GCC warns that its thread sanitizer does not model fences; Clang does not know the option.
    if (!/clang/.test(compiler)) this.#flags.push('-Wno-tsan')
  }

  /** @param {string} source */
  async compile(source) {
    const object = this.#object(source)
    const flags = [...this.#flags, ...WARNINGS, ...DEFINES, ...this.#includes]
    const args = [...flags, '-MMD', '-MF', `${object}.d`, '-c', source, '-o', object]
    if (isFresh(object, dependencies(object), this.#command(args))) return
    await this.#run(args, object, `${source} does not compile.`)
  }

  /**
   * @param {string} program
   * @param {readonly string[]} units compiled already
   */
  async link(program, units) {
    await this.#link([program, ...units], this.executable(program), [])
  }

  /**
   * @param {string} file name of the shared library
   * @param {readonly string[]} units compiled already
   * @returns {Promise<string>} its path
   */
  async linkShared(file, units) {
    const target = join(this.#directory, file)
    await this.#link(units, target, ['-shared'])
    return target
  }

  /**
   * @param {readonly string[]} sources
   * @param {string} target
   * @param {readonly string[]} flags
   */
  async #link(sources, target, flags) {
    const objects = sources.map(source => this.#object(source))
    const args = [...this.#flags, ...flags, ...objects, '-o', target]
    if (isFresh(target, objects, this.#command(args))) return
    await this.#run(args, target, `${basename(target)} does not link.`)
  }

  /** @param {string} program */
  executable(program) {
    return join(this.#directory, basename(program, '.cc'))
  }

  /** @param {string} source */
  #object(source) {
    return join(this.#directory, 'objects', `${source}.o`)
  }

  /** @param {readonly string[]} args */
  #command(args) {
    return [this.#compiler, statSync(this.#compiler).mtimeMs, ...args].join(' ')
  }

  /**
   * @param {readonly string[]} args
   * @param {string} target
   * @param {string} failure
   */
  async #run(args, target, failure) {
    mkdirSync(dirname(target), { recursive: true })
    const { status, output } = await run(this.#compiler, args, { cwd: ROOT })
    if (status !== 0) throw new BuildError(failure, output)
    if (output.trim() !== '') console.error(output.trimEnd())
    writeFileSync(`${target}.command`, this.#command(args))
  }
}

/**
 * @param {string} target
 * @param {readonly string[] | undefined} inputs undefined: unknown
 * @param {string} command
 */
function isFresh(target, inputs, command) {
  if (!inputs || !existsSync(target) || !existsSync(`${target}.command`)) return false
  if (readFileSync(`${target}.command`, 'utf8') !== command) return false
  const made = statSync(target).mtimeMs
  return inputs.every(input => existsSync(input) && statSync(input).mtimeMs < made)
}

/**
 * What the compiler wrote down as read for this object.
 *
 * @param {string} object
 */
function dependencies(object) {
  if (!existsSync(`${object}.d`)) return undefined
  const rule = readFileSync(`${object}.d`, 'utf8').replaceAll('\\\n', ' ')
  const files = rule.slice(rule.indexOf(': ') + 2).trim()
  return files.split(/(?<!\\)\s+/).map(file => resolve(ROOT, file.replaceAll('\\ ', ' ')))
}
