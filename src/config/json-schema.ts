import { z } from 'zod'
import { SCHEMAS } from './schema.ts'

/** The JSON Schema (draft 7, which editors know best) of a configuration file. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(SCHEMAS.yaml, { target: 'draft-7', io: 'input', unrepresentable: 'any' })
  const { $schema, ...rest } = schema as Record<string, unknown>
  return { $schema, title: 'Limpet', ...rest }
}
