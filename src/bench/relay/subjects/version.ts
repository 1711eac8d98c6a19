import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** What a program says about its version, on either output. */
export async function versionOf(
  program: string,
  args: readonly string[],
  pattern: RegExp,
): Promise<{ version: string } | { missing: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args)
    const version = pattern.exec(stdout + stderr)?.[1]
    return version === undefined ? { missing: `${program} ${args.join(' ')} names no version` } : { version }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { missing: code === 'ENOENT' ? `there is no program ${program}` : message }
  }
}
