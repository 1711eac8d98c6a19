import { configJsonSchema } from '../config/json-schema.ts'
import { EXIT } from './exit-codes.ts'
import type { Io } from './io.ts'

export async function schema(io: Io): Promise<number> {
  await io.stdout.line(JSON.stringify(configJsonSchema(), undefined, 2))
  return EXIT.ok
}
