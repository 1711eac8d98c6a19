import { z } from 'zod'
import { ERROR_CODES, type ErrorCode } from '../../errors.ts'
import type { ErrorBody } from '../errors.ts'
import { count, type Told } from './parts.ts'

const code = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]])

const problem = z.strictObject({
  file: z.string().optional(),
  line: count.optional(),
  column: count.optional(),
  path: z.string(),
  message: z.string(),
  accepted: z.string().optional(),
  code,
})

export const error = z.strictObject({
  error: z.strictObject({ code, message: z.string(), problems: z.array(problem).optional() }),
}) satisfies z.ZodType<Told<ErrorBody>>
