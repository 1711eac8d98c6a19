import type { Command } from 'commander'

export const ADMIN_FLAG = '--admin <address>'
export const ADMIN_TEXT = 'the running process: unix:/path or http://HOST:PORT'
export const CONFIG_FLAG = '-c, --config <file>'
const CONFIG_TEXT = 'find the running process by admin of this configuration'
export const POOL_FLAG = '--pool <name>'
export const POOL_TEXT = 'the pool (default: the only one)'

/** Takes the exit status of a command. */
export type Done = (status: Promise<number>) => Promise<void>

/** A command that asks a running process. */
export function located(command: Command): Command {
  return command.option(ADMIN_FLAG, ADMIN_TEXT).option(CONFIG_FLAG, CONFIG_TEXT)
}
