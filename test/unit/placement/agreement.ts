import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { NativePool } from '../../../src/native.ts'
import type { OracleBackend } from '../../helpers/oracle/placement.ts'
import type { Random } from '../../helpers/oracle/random.ts'
import { nativePool, SECRET, setBackend } from '../../helpers/oracle/subject.ts'
import { TYPESCRIPT } from '../../helpers/typescript/arguments.ts'

const CHILD = fileURLToPath(new URL('agreement-child.ts', import.meta.url))

/** The membership that everybody must agree on. */
export const MEMBERS: readonly OracleBackend[] = Array.from({ length: 100 }, (_, i) => {
  return { name: `${['redis', 'node', 'gräber', '節点'][i % 4]}-${i}`, weight: 1 + (i % 3) }
})

export function poolOf(
  algorithm: 'rendezvous' | 'ring',
  backends: readonly OracleBackend[],
  secret = SECRET,
): NativePool {
  return nativePool({ algorithm, backends, secret })
}

/** What two processes print that list {@link MEMBERS} in different orders: a hash of all homes, one of some orders. */
export async function twoProcesses(algorithm: string, keys: number): Promise<[string, string]> {
  const run = async (seed: number): Promise<string> => {
    const args = [...TYPESCRIPT, CHILD, algorithm, String(seed), String(keys)]
    return (await promisify(execFile)(process.execPath, args)).stdout.trim()
  }
  return Promise.all([run(1), run(2)])
}

/** A pool that comes to {@link MEMBERS} by additions, removals and changes of weight in a random order. */
export function viaDetours(algorithm: 'rendezvous' | 'ring', random: Random): NativePool {
  const pool = poolOf(algorithm, [])
  for (const { name, weight } of random.shuffled(MEMBERS)) {
    const detour = random.below(4)
    if (detour === 1) setBackend(pool, name, weight + 2)
    if (detour === 2) setBackend(pool, `stranger of ${name}`, 1)
    if (detour === 3) setBackend(pool, name, weight)
    if (detour !== 0) {
      pool.publish()
      pool.homes(Buffer.from('10.0.0.1\n10.0.0.2\n10.0.0.3\n'))
    }
    if (detour === 2) pool.removeBackend(`stranger of ${name}`)
    if (detour === 3) pool.removeBackend(name)
    setBackend(pool, name, weight)
  }
  pool.publish()
  return pool
}
