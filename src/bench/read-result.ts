import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { LimpetError } from '../errors.ts'
import { visible } from '../visible.ts'
import type { BenchResult } from './result.ts'

const sample = z.number().nullable()

const schema = z.object({
  format: z.literal(1),
  bench: z.enum(['pick', 'affinity', 'relay', 'scale', 'keys']),
  limpet: z.object({ version: z.string(), commit: z.string().exactOptional() }),
  machine: z.object({
    cpu: z.string(),
    cores: z.number(),
    memoryMiB: z.number(),
    kernel: z.string(),
    node: z.string(),
  }),
  began: z.iso.datetime(),
  seconds: z.number(),
  rounds: z.number().int().positive(),
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  programs: z.record(z.string(), z.string()),
  series: z.array(
    z.object({
      trial: z.string(),
      subject: z.string(),
      metric: z.string(),
      unit: z.string(),
      better: z.enum(['lower', 'higher', 'neither']),
      at: z.object({ name: z.string(), value: z.number() }).exactOptional(),
      samples: z.array(sample),
      expected: z.number().exactOptional(),
    }),
  ),
  notes: z.array(z.string()),
}) satisfies z.ZodType<BenchResult>

/**
 * Reads a `report.json`, or that of a report folder.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_REPORT_READ`: it cannot be read, is no JSON, no report, or one of another format
 */
export async function readResult(path: string): Promise<BenchResult> {
  const file = await reportFile(path)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unreadable(file, error.code === 'ENOENT' ? 'there is no such file' : error.message, error)
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw unreadable(file, `it is no JSON: ${(error as Error).message}`, error)
  }
  return parseResult(value, file)
}

async function reportFile(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    stats => stats.isDirectory(),
    // Reading it says what is wrong.
    () => false,
  )
  return isFolder ? join(path, 'report.json') : path
}

function parseResult(value: unknown, file: string): BenchResult {
  const format = (value as { format?: unknown } | null)?.format
  if (typeof format === 'number' && format !== 1) {
    throw unreadable(file, `its format is ${format}, and this version of Limpet reads format 1`)
  }
  const { data, error } = schema.safeParse(value)
  if (data !== undefined) return data
  const [issue] = error.issues
  const where = issue?.path.join('.') || 'the document'
  throw unreadable(file, `it is no report of limpet bench (${where}: ${issue?.message})`, error)
}

function unreadable(file: string, why: string, cause?: unknown): LimpetError {
  const message = `the report ${visible(file)} cannot be used: ${why}`
  return new LimpetError('LIMPET_ERR_REPORT_READ', message, { path: file, cause })
}
