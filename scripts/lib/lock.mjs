import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BuildError } from './report.mjs'

const POLL_MS = 100
const LONGEST_WAIT_MS = 600_000

/**
 * Does `work` while no other process does: two builds in one directory would spoil each other's files.
 *
 * @template T
 * @param {string} file holds the id of the process that is at work
 * @param {(line: string) => void} log
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, log, work) {
  mkdirSync(dirname(file), { recursive: true })
  await acquire(file, log)
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

/**
 * @param {string} file
 * @param {(line: string) => void} log
 */
async function acquire(file, log) {
  for (let waited = 0; !take(file); waited += POLL_MS) {
    const holder = holderOf(file)
    if (holder !== undefined && !isAlive(holder)) rmSync(file, { force: true })
    else if (waited >= LONGEST_WAIT_MS)
      throw new BuildError(`another build seems to hang; remove ${file} if none runs.`)
    else {
      if (waited === 0) log(`limpet: waiting for another build (process ${holder ?? '?'}) …`)
      await sleep(POLL_MS)
    }
  }
}

/** @param {string} file */
function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false
    throw error
  }
}

/**
 * @param {string} file
 * @returns {number | undefined} undefined: it was given back just now, or not written yet
 */
function holderOf(file) {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined
  } catch {
    // Given back since.
    return undefined
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM'
  }
}
