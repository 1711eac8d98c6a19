import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/**
 * @typedef {object} RunResult
 * @property {number} status exit status; 128 + signal number when it was killed
 * @property {string} output what it wrote to both streams, in order of arrival
 * @property {boolean} timedOut
 */

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [timeoutMs] it is killed after this time
 */

/**
 * Runs a program without standard input and collects what it writes. Rejects only if it cannot be started.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<RunResult>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const { cwd, env, timeoutMs = 0 } = options
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    /** @type {Buffer[]} */
    const chunks = []
    let timedOut = false
    const timer = timeoutMs > 0 ? setTimeout(expire, timeoutMs) : undefined
    function expire() {
      timedOut = true
      child.kill('SIGKILL')
    }
    child.stdout.on('data', chunk => chunks.push(chunk))
    child.stderr.on('data', chunk => chunks.push(chunk))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const status = code ?? 128 + (signal === null ? 0 : constants.signals[signal])
      resolve({ status, output: Buffer.concat(chunks).toString(), timedOut })
    })
  })
}

/**
 * Calls `work` for every item, a few at a time. After the first failure no further one is started.
 *
 * @template T
 * @param {readonly T[]} items
 * @param {number} jobs
 * @param {(item: T) => Promise<void>} work
 */
export async function forEachParallel(items, jobs, work) {
  const queue = [...items]
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      try {
        await work(item)
      } catch (error) {
        queue.length = 0
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
}
