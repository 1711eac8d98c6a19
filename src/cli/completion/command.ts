import { Argument, type Command } from 'commander'
import type { AddCommand } from '../bench/commands.ts'
import { COMPLETION_HELP } from '../help-texts.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** Makes the command `completion`. */
export function addCompletion(program: Command, add: AddCommand, print: (shell: Shell) => Promise<void>): void {
  add(
    program,
    'completion',
    'print the completion of a shell',
    'Prints the completion of commands and options for a shell.',
    COMPLETION_HELP,
  )
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .action(async (shell: Shell) => print(shell))
}
