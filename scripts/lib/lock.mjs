import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BuildError } from './report.mjs'

const POLL_MS = 100
const LONGEST_WAIT_MS = 600_000
/** A lock is created and written in one go; one that stays empty was left by a process that was killed in between. */
const LONGEST_EMPTY_MS = 5000

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
    const lock = read(file)
    if (lock !== undefined && isDead(lock)) removeLock(file, lock.holder)
    else if (waited >= LONGEST_WAIT_MS)
      throw new BuildError(`another build seems to hang; remove ${file} if none runs.`)
    else {
      if (waited === 0) log(`limpet: waiting for another build (process ${lock?.holder || '?'}) …`)
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
 * @returns {{ holder: string, ageMs: number } | undefined} undefined: it was given back just now
 */
function read(file) {
  try {
    return { ageMs: Date.now() - statSync(file).mtimeMs, holder: readFileSync(file, 'utf8') }
  } catch {
    // Given back since.
    return undefined
  }
}

/** @param {{ holder: string, ageMs: number }} lock */
function isDead({ holder, ageMs }) {
  const pid = Number(holder)
  // Its process was killed before it could write its number, or does so in this moment.
  if (!(pid > 0)) return ageMs > LONGEST_EMPTY_MS
  return !isAlive(pid)
}

/**
 * Removes the lock of a process that died, unless another one that waited has done so, and has the lock now. Nothing
 * removes a file by its content, so it is moved away first.
 *
 * @param {string} file
 * @param {string} holder what the dead lock held
 */
export function removeLock(file, holder) {
  const aside = `${file}.${randomUUID()}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return
    throw error
  }
  if (readFileSync(aside, 'utf8') === holder) rmSync(aside)
  else renameSync(aside, file)
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
