import type { Command } from 'commander'
import { EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { bashCompletion } from './bash.ts'
import type { Shell } from './command.ts'
import { fishCompletion } from './fish.ts'
import { type Place, placesOf } from './words.ts'
import { zshCompletion } from './zsh.ts'

const SCRIPTS: Readonly<Record<Shell, (places: readonly Place[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

/** Prints the completion of a shell, made from the commands as they are. */
export async function completion(shell: Shell, program: Command, io: Io): Promise<number> {
  await io.stdout.write(SCRIPTS[shell](placesOf(program)))
  return EXIT.ok
}
