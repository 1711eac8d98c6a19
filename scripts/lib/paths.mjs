import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The directory of package.json. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/**
 * The file that a command name means, looked up in PATH; undefined: there is none. Nothing is run.
 *
 * @param {string} command
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string | undefined}
 */
export function findCommand(command, env = process.env) {
  if (isAbsolute(command)) return isExecutable(command) ? command : undefined
  const directories = (env.PATH ?? '').split(delimiter).filter(directory => directory !== '')
  return directories.map(directory => join(directory, command)).find(isExecutable)
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    // Not there, or not to be run: for a search both mean the next directory.
    return false
  }
}
