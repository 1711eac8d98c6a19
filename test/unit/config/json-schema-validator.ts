/** The part of JSON Schema (draft 7) that limpet.schema.json uses; an unknown keyword is an error, not ignored. */
export type JsonSchema = Record<string, unknown>

type Check = (argument: never, value: unknown, schema: JsonSchema) => boolean

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const TYPES: Record<string, (value: unknown) => boolean> = {
  object: isObject,
  array: Array.isArray,
  string: value => typeof value === 'string',
  number: value => typeof value === 'number',
  integer: value => Number.isInteger(value),
}

const ignored: Check = () => true

const CHECKS: Record<string, Check> = {
  $schema: ignored,
  title: ignored,
  description: ignored,
  default: ignored,
  format: ignored,
  type: (type: string, value) => TYPES[type]?.(value) ?? false,
  enum: (values: unknown[], value) => values.includes(value),
  anyOf: (schemas: JsonSchema[], value) => schemas.some(schema => validates(schema, value)),
  pattern: (pattern: string, value) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
  minLength: (length: number, value) => typeof value !== 'string' || [...value].length >= length,
  maxLength: (length: number, value) => typeof value !== 'string' || [...value].length <= length,
  minimum: (least: number, value) => typeof value !== 'number' || value >= least,
  maximum: (most: number, value) => typeof value !== 'number' || value <= most,
  exclusiveMinimum: (least: number, value) => typeof value !== 'number' || value > least,
  exclusiveMaximum: (most: number, value) => typeof value !== 'number' || value < most,
  minItems: (least: number, value) => !Array.isArray(value) || value.length >= least,
  maxItems: (most: number, value) => !Array.isArray(value) || value.length <= most,
  items: (schema: JsonSchema, value) => !Array.isArray(value) || value.every(item => validates(schema, item)),
  required: (keys: string[], value) => !isObject(value) || keys.every(key => Object.hasOwn(value, key)),
  propertyNames: (schema: JsonSchema, value) =>
    !isObject(value) || Object.keys(value).every(key => validates(schema, key)),
  properties: (schemas: Record<string, JsonSchema>, value) =>
    !isObject(value) ||
    Object.entries(schemas).every(([key, schema]) => !Object.hasOwn(value, key) || validates(schema, value[key])),
  additionalProperties: (schema: JsonSchema | false, value, { properties = {} }) =>
    !isObject(value) ||
    Object.keys(value).every(
      key => Object.hasOwn(properties as object, key) || (schema !== false && validates(schema, value[key])),
    ),
}

export function validates(schema: JsonSchema, value: unknown): boolean {
  return Object.entries(schema).every(([keyword, argument]) => {
    const check = CHECKS[keyword]
    if (check === undefined) throw new Error(`the keyword ${keyword} is not known here`)
    return check(argument as never, value, schema)
  })
}
