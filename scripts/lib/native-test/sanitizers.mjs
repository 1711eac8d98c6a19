import { readFileSync } from 'node:fs'
import { run } from '../run.mjs'

/**
 * @typedef {object} Sanitizer
 * @property {readonly string[]} flags for compiling and linking
 * @property {NodeJS.ProcessEnv} env for running
 * @property {boolean} [fixedLayout] it needs memory at fixed addresses
 */

/** @type {Record<string, Sanitizer>} */
export const SANITIZERS = {
  asan: {
    flags: ['-fsanitize=address,undefined'],
    env: {
      ASAN_OPTIONS: 'detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1',
      UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
    },
  },
  tsan: {
    flags: ['-fsanitize=thread'],
    env: { TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1' },
    fixedLayout: true,
  },
}

/** libFuzzer; the same flags compile with its instrumentation and link its main(). @type {Sanitizer} */
export const FUZZER = {
  flags: ['-fsanitize=fuzzer,address,undefined'],
  env: {
    // A placement takes 2 MiB: with the usual 256 MiB of freed memory held back, a target spends its time on page faults.
    ASAN_OPTIONS: 'detect_leaks=1:strict_string_checks=1:quarantine_size_mb=16',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  },
}

// The thread sanitizer of Clang 14 gives up ("unexpected memory mapping") where the kernel randomises more bits.
const RANDOM_BITS = 28

/**
 * What to put before a command so that the sanitizer can run on this kernel.
 *
 * @param {Sanitizer} sanitizer
 * @returns {Promise<string[]>}
 */
export async function launcher(sanitizer) {
  if (!sanitizer.fixedLayout || process.platform !== 'linux' || randomBits() <= RANDOM_BITS) return []
  const prefix = ['setarch', process.arch === 'arm64' ? 'aarch64' : 'x86_64', '-R']
  // Containers may forbid it; then the sanitizer's own message is the best there is.
  const probe = await run('setarch', [...prefix.slice(1), 'true']).catch(() => ({ status: 1 }))
  return probe.status === 0 ? prefix : []
}

function randomBits() {
  try {
    return Number(readFileSync('/proc/sys/vm/mmap_rnd_bits', 'utf8'))
  } catch {
    // Hidden in some containers: the usual number.
    return RANDOM_BITS
  }
}
