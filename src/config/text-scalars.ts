import type { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { accept, type Parsed, refuse } from './parsed.ts'
import { scalar } from './scalars.ts'
import { quote, show } from './text.ts'

const LONGEST_STATUSES = 256

/** Text in which the user is free: anything but nothing at all, up to a length in bytes. */
export function plainText(longest: number, description: string): z.ZodType<string, string> {
  const accepted = `a text of 1 to ${longest} bytes`
  const read = (value: unknown): Parsed<string> => {
    if (typeof value === 'number' || typeof value === 'boolean')
      return refuse(`expected a text, got ${show(value)}: put it between quotes`, accepted)
    if (typeof value !== 'string') return refuse(`expected a text, got ${show(value)}`, accepted)
    if (value === '') return refuse('the text is empty', accepted)
    const bytes = Buffer.byteLength(value)
    return bytes > longest ? refuse(`the text has ${bytes} bytes`, accepted) : accept(value)
  }
  return scalar(read, { type: 'string', minLength: 1, maxLength: longest, description })
}

/** Bytes as hexadecimal digits, two each; spaces between them do not count. */
export function hexText(longest: number, description: string): z.ZodType<string, string> {
  const accepted = `1 to ${longest} bytes as pairs of hexadecimal digits between quotes, like "0d 0a"`
  const read = (value: unknown): Parsed<string> => {
    if (typeof value !== 'string') return refuse(`expected a text, got ${show(value)}`, accepted)
    if (!/^ *[0-9a-f]{2}( *[0-9a-f]{2})* *$/i.test(value)) return refuse(`${quote(value)} is not that`, accepted)
    return value.replaceAll(' ', '').length > 2 * longest ? refuse('there are too many', accepted) : accept(value)
  }
  return scalar(read, { type: 'string', pattern: '^ *[0-9a-fA-F]{2}( *[0-9a-fA-F]{2})* *$', description })
}

/** The source of a regular expression, as JavaScript has them. */
export function regexText(longest: number, description: string): z.ZodType<string, string> {
  const accepted = `a regular expression of at most ${longest} characters`
  const read = (value: unknown): Parsed<string> => {
    if (typeof value !== 'string' || value === '') return refuse(`expected a text, got ${show(value)}`, accepted)
    if (value.length > longest) return refuse('it is too long', accepted)
    try {
      new RegExp(value, 's')
      return accept(value)
    } catch (error) {
      return refuse((error as SyntaxError).message, accepted)
    }
  }
  return scalar(read, { type: 'string', minLength: 1, maxLength: longest, format: 'regex', description })
}

/** HTTP statuses: `200`, `200-399`, or several of them between commas. */
export function statusRanges(description: string): z.ZodType<string, string | number> {
  const accepted = 'statuses from 100 to 599, like 200, 200-399 or "200,204,300-399"'
  const read = (value: unknown): Parsed<string> => {
    const text = typeof value === 'number' ? String(value) : value
    if (typeof text !== 'string') return refuse(`expected statuses, got ${show(value)}`, accepted)
    const isGood = text.split(',').every(range => {
      const [, from, to = from] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(range) ?? []
      return from !== undefined && to !== undefined && Number(from) <= Number(to)
    })
    return isGood && text.length <= LONGEST_STATUSES ? accept(text) : refuse(`${quote(text)} are no statuses`, accepted)
  }
  const pattern = '^[1-5][0-9]{2}(-[1-5][0-9]{2})?(,[1-5][0-9]{2}(-[1-5][0-9]{2})?)*$'
  const text = { type: 'string', pattern, maxLength: LONGEST_STATUSES }
  return scalar(read, { anyOf: [text, { type: 'integer', minimum: 100, maximum: 599 }], description })
}

const HOST_PATTERN = '^([A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?|\\[[0-9A-Fa-f:.]{2,45}\\])(:[0-9]{1,5})?$'

/** A value of the header Host, with or without its port; in small letters. */
export function hostHeader(description: string): z.ZodType<string, string> {
  const accepted = 'a host name or an IP address ("[v6]" in brackets), with or without :port'
  const read = (value: unknown): Parsed<string> => {
    if (typeof value !== 'string') return refuse(`expected a host, got ${show(value)}`, accepted)
    return new RegExp(HOST_PATTERN).test(value)
      ? accept(value.toLowerCase())
      : refuse(`${quote(value)} is no host`, accepted)
  }
  return scalar(read, { type: 'string', pattern: HOST_PATTERN, description })
}

/** The least bytes of a secret: fewer can be searched through. The most: one page of text is a wrong file, not a secret. */
export const SECRET_BYTES = { min: 8, max: 4096 }
const ACCEPTED_SECRET = `a text of ${SECRET_BYTES.min} to ${SECRET_BYTES.max} bytes, { env: NAME } or { file: PATH }`

/** The secret as text. No refusal here may show the value. */
export function secretText(description: string): z.ZodType<string, string> {
  const read = (value: unknown): Parsed<string> => {
    const code = 'LIMPET_ERR_BAD_SECRET'
    if (typeof value === 'number' || typeof value === 'boolean')
      return refuse(`expected a text, got a ${typeof value}: put the secret between quotes`, ACCEPTED_SECRET, code)
    if (typeof value !== 'string')
      return refuse(`expected a text, got ${value === null ? 'nothing' : 'something else'}`, ACCEPTED_SECRET, code)
    const bytes = Buffer.byteLength(value)
    if (bytes < SECRET_BYTES.min) return refuse(`the secret has only ${bytes} bytes`, ACCEPTED_SECRET, code)
    return bytes > SECRET_BYTES.max ? refuse(`the secret has ${bytes} bytes`, ACCEPTED_SECRET, code) : accept(value)
  }
  return scalar(read, { type: 'string', minLength: 2, maxLength: SECRET_BYTES.max, description })
}

export function isEnvironmentName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z_]\w{0,254}$/.test(value)
}

export function isFilePath(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0')
}

export function environmentName(description: string): z.ZodType<string, string> {
  const accepted = 'the name of an environment variable: letters, digits and _, not beginning with a digit'
  const read = (value: unknown): Parsed<string> =>
    isEnvironmentName(value)
      ? accept(value)
      : refuse('this is not the name of an environment variable', accepted, 'LIMPET_ERR_BAD_SECRET')
  return scalar(read, { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]*$', description })
}

export function filePath(description: string, code: ErrorCode = 'LIMPET_ERR_BAD_SECRET'): z.ZodType<string, string> {
  const accepted = 'the path of a file'
  const read = (value: unknown): Parsed<string> =>
    isFilePath(value) ? accept(value) : refuse(`expected the path of a file, got ${show(value)}`, accepted, code)
  return scalar(read, { type: 'string', minLength: 1, description })
}
