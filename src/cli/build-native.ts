import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BuildNativeOptions, BuiltAddon } from '../../scripts/build-native.mjs'
import { ownHost, prebuildName } from '../addon.ts'
import { CliError } from './cli-error.ts'
import { EXIT } from './exit-codes.ts'
import type { Io } from './io.ts'

export interface BuildNativeCommandOptions {
  debug?: boolean | undefined
  force?: boolean | undefined
  /** The programs of `limpet bench`, too. */
  bench?: boolean | undefined
}

/** What is used of `scripts/build-native.mjs`; tests give their own. */
export interface Builder {
  BuildError: abstract new (...args: never[]) => Error & { readonly output: string }
  buildNative: (options: BuildNativeOptions) => Promise<BuiltAddon>
}

export async function buildNativeCommand(
  options: BuildNativeCommandOptions,
  io: Io,
  builder?: Builder,
): Promise<number> {
  const { BuildError, buildNative } = builder ?? (await import('../../scripts/build-native.mjs'))
  const { debug = false, force = false, bench: programs = false } = options
  let written = Promise.resolve()
  const log = (line: string): void => {
    written = written.then(() => io.stdout.line(line))
  }
  try {
    // verify: whoever calls this has no addon, or one that does not load.
    const { path, built } = await buildNative({ debug, force, programs, verify: true, log, ...shipped() })
    log(`limpet: ${path} ${built ? 'was built' : 'is up to date'}.`)
    await written
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    await written
    if (error.output !== '') await io.stderr.line(error.output.trimEnd())
    throw new CliError(error.message, EXIT.failed, { cause: error })
  }
}

/** The addon of the tarball. In a checkout it is a copy that may be older than the sources. */
function shipped(): { prebuilt?: string } {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  if (existsSync(join(root, 'src'))) return {}
  return { prebuilt: join(root, 'prebuilds', prebuildName(ownHost()), 'limpet.node') }
}
