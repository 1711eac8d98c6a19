import { hostname, userInfo } from 'node:os'

/** Who runs this command, for the list of changes of shared backends. */
export function actor(): string {
  return `${userName()}@${hostname()}`.replace(/[^\x21-\x7e]/g, '?')
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A container may have users that no file of it names.
    return `uid-${process.getuid?.() ?? 'unknown'}`
  }
}
