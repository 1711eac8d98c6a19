import { createHash } from 'node:crypto'
import { expect } from 'chai'
import type { NativePool } from '../../../src/native.ts'
import { nthAddress } from './random.ts'

/** n different addresses, a line each. */
export function addressLines(count: number, first = 0): Buffer {
  let text = ''
  for (let i = first; i < first + count; i++) text += `${nthAddress(i)}\n`
  return Buffer.from(text)
}

/** Home of every line, by name. */
export function homesOf(pool: NativePool, lines: Buffer): string[] {
  const { output, consumed, malformed } = pool.homes(lines)
  expect([consumed, malformed]).to.deep.equal([lines.length, 0])
  const homes = output.toString().split('\n')
  homes.pop()
  return homes.map(line => line.slice(line.indexOf(' ') + 1))
}

/** One text for all homes of a set of addresses. */
export function homesDigest(pool: NativePool, lines: Buffer): string {
  return createHash('sha256').update(pool.homes(lines).output).digest('hex')
}
