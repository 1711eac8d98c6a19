import { isModuleFile, KeyModule, splitModuleText } from '../affinity/key-module.ts'
import { accept, type Parsed, refuse } from './parsed.ts'
import { quote, show } from './text.ts'

/** The JSON Schema of what {@link readModule} takes. */
export const MODULE_JSON = { type: 'string', pattern: '[.](js|mjs|ts)#.+$' }

/** Reads where a function is: a file, whose path stays as it was written, and a name that it exports. */
export function readModule<Made>(text: unknown): Parsed<KeyModule<Made>> {
  const accepted = '{ module: "./key.js#NAME" }: a .js, .mjs or .ts file, and the name of a function that it exports'
  const split = typeof text === 'string' ? splitModuleText(text) : undefined
  if (split === undefined) return refuse(`expected a file and the name of a function, got ${show(text)}`, accepted)
  const { file, exportName } = split
  if (!isModuleFile(file)) return refuse(`${quote(file)} is no module by its name`, accepted)
  return accept(new KeyModule<Made>(text as string, file, exportName))
}
