import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { Child, DIST_MAIN, fileOf, runnable } from './helpers.ts'

const BACKENDS = Array.from({ length: 10 }, (_, index) => `127.0.0.1:${7001 + index}`)

/** Pipes addresses through `limpet explain -`; returns how long that took, in milliseconds. */
export async function explainMany(count: number): Promise<number> {
  const file = fileOf(runnable(BACKENDS))
  const script = `exec "${process.execPath}" "${DIST_MAIN}" explain -c "${file}" - | awk '{ n[$2]++; lines++ } END { print lines; for (h in n) print h, n[h] }'`
  const began = performance.now()
  const child = new Child('sh', ['-c', script])
  for (let at = 0; at < count; at += 10_000) {
    const block = Array.from({ length: Math.min(10_000, count - at) }, (_, index) => addressOf(at + index)).join('')
    if (!child.process.stdin.write(block)) await new Promise(resolve => child.process.stdin.once('drain', resolve))
  }
  child.process.stdin.end()
  expect(await child.exit).to.equal(0)
  const [lines, ...homes] = child.lines
  expect(Number(lines)).to.equal(count)
  expect(homes).to.have.length(BACKENDS.length)
  // Ten backends of equal weight: 10 % each; 2 % is far from what chance could do.
  for (const line of homes) expect(Number(line.split(' ')[1]) / count).to.be.within(0.08, 0.12)
  return performance.now() - began
}

/** Spread, and the same in every run. */
function addressOf(index: number): string {
  return `${createHash('md5').update(String(index)).digest().subarray(0, 4).join('.')}\n`
}
