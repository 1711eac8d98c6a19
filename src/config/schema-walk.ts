import { z } from 'zod'
import type { Path } from './text.ts'

/** One key of the document, for documentation and for hints. */
export interface Setting {
  /** Its place, with `<name>` for a name that the user chooses: `pools.<name>.timeouts.connect`. */
  path: string
  description: string
  /** Its default as it would be written, if it has one. */
  defaultValue?: unknown
  required: boolean
}

/** The schema without what only says that a value may be absent. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return unwrap(schema.def.innerType)
  return schema
}

/** The possible forms of a value: the members of a union, or the schema itself. */
export function forms(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const inner = unwrap(schema)
  return inner instanceof z.ZodUnion ? inner.def.options.flatMap(forms) : [inner]
}

/** The keys that a mapping may have here; empty where the user chooses them, or where there is no mapping. */
export function knownKeys(schema: z.core.$ZodType): string[] {
  const keys = forms(schema).flatMap(form => (form instanceof z.ZodObject ? Object.keys(form.shape) : []))
  return [...new Set(keys)]
}

/** The schema at a place of the document, or undefined where there is none. */
export function schemaAt(root: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  let schema: z.core.$ZodType | undefined = root
  for (const step of path) {
    schema =
      schema === undefined
        ? undefined
        : forms(schema)
            .map(form => child(form, step))
            .find(found => found !== undefined)
  }
  return schema
}

function child(form: z.core.$ZodType, step: string | number): z.core.$ZodType | undefined {
  if (form instanceof z.ZodArray) return typeof step === 'number' ? form.element : undefined
  if (form instanceof z.ZodRecord) return form.valueType
  if (form instanceof z.ZodObject && Object.hasOwn(form.shape, step)) return form.shape[step]
  return undefined
}

/** Every key of the document once, parents before children. */
export function allSettings(root: z.core.$ZodType, prefix = ''): Setting[] {
  const all = forms(root).flatMap((form): Setting[] => {
    if (form instanceof z.ZodArray) return allSettings(form.element, `${prefix}[]`)
    if (form instanceof z.ZodRecord) return allSettings(form.valueType as z.core.$ZodType, `${prefix}.<name>`)
    if (!(form instanceof z.ZodObject)) return []
    return Object.entries(form.shape as Record<string, z.ZodType>).flatMap(([key, schema]) => {
      const path = prefix === '' ? key : `${prefix}.${key}`
      return [setting(path, schema), ...allSettings(schema, path)]
    })
  })
  // Several forms of a value may have a key in common.
  return [...new Map([...all].reverse().map(one => [one.path, one])).values()].reverse()
}

function setting(path: string, schema: z.ZodType): Setting {
  const description = schema.description ?? (unwrap(schema) as z.ZodType).description ?? ''
  if (schema instanceof z.ZodPrefault)
    return { path, description, defaultValue: schema.def.defaultValue, required: false }
  return { path, description, required: !(schema instanceof z.ZodOptional) }
}

/** The places, other than this one, at which a key of this name exists: for a key that is in the wrong mapping. */
export function placesOf(root: z.core.$ZodType, key: string): string[] {
  const places = allSettings(root).filter(({ path }) => path.split('.').at(-1) === key)
  return [...new Set(places.map(({ path }) => path.slice(0, -key.length - 1)))].filter(place => place !== '')
}
