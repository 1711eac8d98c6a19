import { z } from 'zod'

export const count = z.number().int().nonnegative()
export const milliseconds = z.number().nonnegative()

export const share = z.number().min(0).max(1)

/** What is left of a type in JSON: what is undefined is absent. */
export type Told<T> = T extends readonly (infer Item)[]
  ? Told<Item>[]
  : T extends object
    ? { [Key in keyof T as undefined extends T[Key] ? never : Key]: Told<T[Key]> } & {
        [Key in keyof T as undefined extends T[Key] ? Key : never]?: Told<Exclude<T[Key], undefined>> | undefined
      }
    : T

export function byName<Name extends string>(names: readonly Name[]): z.ZodType<Record<Name, number>> {
  return z.strictObject(Object.fromEntries(names.map(name => [name, count]))) as never
}
