import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import { getSystemErrorName } from 'node:util'
import type { ResolvedConfig } from '../config/resolved.ts'
import { LimpetError } from '../errors.ts'
import { native, TABLE_FOUND } from '../native.ts'
import { FOUND_WORDS } from '../pool/table-file.ts'
import { visible } from '../visible.ts'

/** What `limpet run` would find where the file of a pool's stick table is to be. */
export interface TableFileReport {
  path: string
  /**
   * `usable`: its pins come back. `new`: it is not there, and can be made. `in-use`: a process has it. `aside`: it would be
   * renamed and a new one begun. `unusable`: `run` would fail. `unknown`: without the native addon nobody can tell.
   */
  status: 'usable' | 'new' | 'in-use' | 'aside' | 'unusable' | 'unknown'
  /** In words. */
  reason: string
}

/** By pool; of those whose stick table has a file. Nothing is touched. */
export function tableFilesOf({ pools }: ResolvedConfig): Map<string, TableFileReport> {
  const reports = new Map<string, TableFileReport>()
  for (const [name, { stickTable }] of pools) {
    if (stickTable?.file === undefined) continue
    reports.set(name, { path: stickTable.file, ...look(stickTable.file, stickTable.size) })
  }
  return reports
}

/** What is to be warned of; what is well is told with the settings. */
export function tableFileWarnings(reports: ReadonlyMap<string, TableFileReport>): string[] {
  return [...reports].flatMap(([pool, { path, status, reason }]) => {
    const file = `pools.${pool}.stickTable.file: ${visible(path)}`
    if (status === 'aside') return [`${file} would be set aside, and its pins lost: ${reason}`]
    return status === 'unusable' ? [`${file} cannot be used: ${reason}`] : []
  })
}

function look(path: string, size: number): Omit<TableFileReport, 'path'> {
  const found = inspect(path, size)
  if (found === undefined) return { status: 'unknown', reason: 'the native addon is not there to look' }
  if (found < 0) return refused(found)
  const kind = TABLE_FOUND[found] ?? 'foreign'
  if (kind === 'table') return { status: 'usable', reason: 'its pins come back' }
  return kind === 'nothing' ? absent(path) : { status: 'aside', reason: FOUND_WORDS[kind] }
}

function inspect(path: string, size: number): number | undefined {
  try {
    return native().inspectTable(path, size)
  } catch (error) {
    // The rest of a check does without it; `run` says what is wrong with it.
    if (error instanceof LimpetError && error.code === 'LIMPET_ERR_ADDON_LOAD') return undefined
    throw error
  }
}

function refused(errno: number): Omit<TableFileReport, 'path'> {
  const code = getSystemErrorName(errno)
  return code === 'EAGAIN' ? { status: 'in-use', reason: 'a process has it' } : { status: 'unusable', reason: code }
}

function absent(path: string): Omit<TableFileReport, 'path'> {
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK)
    return { status: 'new', reason: 'it is not there yet' }
  } catch (error) {
    return { status: 'unusable', reason: `${(error as NodeJS.ErrnoException).code}: ${visible(dirname(path))}` }
  }
}
