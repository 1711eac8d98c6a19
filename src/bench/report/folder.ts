import { access, constants, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LimpetError } from '../../errors.ts'
import { visible } from '../../visible.ts'
import type { BenchName, BenchResult } from '../result.ts'
import { reportMarkdown } from './markdown.ts'

/** The folder of a run that named none, in the current directory: `limpet-bench-pick-2026-11-26-034512` (UTC). */
export function folderName(bench: BenchName, began: Date): string {
  const [day = '', time = ''] = began.toISOString().split('T')
  return `limpet-bench-${bench}-${day}-${time.slice(0, 8).replaceAll(':', '')}`
}

/**
 * Makes a report folder, if there is none: who cannot write shall know before measuring.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_REPORT_WRITE`
 */
export async function openFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
    await access(path, constants.W_OK)
  } catch (error) {
    throw unwritable(path, error)
  }
}

/**
 * Writes `report.json`, `report.md` and the plots.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_REPORT_WRITE`
 */
export async function writeFolder(path: string, result: BenchResult): Promise<void> {
  // The library that draws takes a moment to load.
  const { plotsOf } = await import('./plots.ts')
  try {
    await writeFile(join(path, 'report.json'), resultText(result))
    await writeFile(join(path, 'report.md'), reportMarkdown(result))
    for (const { name, svg } of plotsOf(result)) await writeFile(join(path, name), svg)
  } catch (error) {
    throw unwritable(path, error)
  }
}

/** A result as JSON, with lists of plain values on one line. A line feed in JSON is never part of a text. */
export function resultText(result: BenchResult): string {
  const text = JSON.stringify(result, undefined, 2)
  return `${text.replace(/\[\n\s+([^[\]{}]+?)\n\s+\]/g, (_, items: string) => `[${items.replace(/\n\s+/g, ' ')}]`)}\n`
}

function unwritable(path: string, error: unknown): LimpetError {
  const message = `the report folder ${visible(path)} cannot be written: ${(error as Error).message}; name another with --report`
  return new LimpetError('LIMPET_ERR_REPORT_WRITE', message, { path, cause: error })
}
