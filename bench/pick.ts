// `npm run bench:pick`: picks a second by table size and backends, inside C++ and from JavaScript. Each cell is a process
// of its own; the cells of a round alternate, and medians with their spread are printed as a Markdown table.
//   node --import tsx bench/pick.ts [--rounds 5] [--seconds 2]
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '2' } },
})
const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(here)

const compile = () => {
  const output = join(root, 'build', 'bench')
  mkdirSync(output, { recursive: true })
  const core = join(root, 'native', 'core')
  const sources = readdirSync(core)
    .filter(name => name.endsWith('.cc'))
    .map(name => join(core, name))
  const xxhash = join(dirname(createRequire(import.meta.url).resolve('xxhash-addon/package.json')), 'xxHash')
  const program = join(output, 'pick')
  const flags = ['-std=c++20', '-O3', '-DNDEBUG', '-pthread', '-isystem', xxhash, '-o', program]
  execFileSync(process.env.CXX ?? 'c++', [...flags, join(here, 'native', 'pick.cc'), ...sources], { stdio: 'inherit' })
  return program
}

interface Cell {
  where: 'C++' | 'JavaScript'
  pins: number
  backends: number
  threads: number
}
interface Result {
  perSecond: number
  bytesPerPin?: number
}

const program = compile()
const cells: Cell[] = [
  ...[10_000, 100_000, 1_000_000, 10_000_000].map(pins => ({ where: 'C++' as const, pins, backends: 100, threads: 1 })),
  { where: 'C++', pins: 1_000_000, backends: 100, threads: 2 },
  ...[2, 1_000, 10_000].map(backends => ({ where: 'C++' as const, pins: 100_000, backends, threads: 1 })),
  ...[10_000, 1_000_000].map(pins => ({ where: 'JavaScript' as const, pins, backends: 100, threads: 1 })),
]
const measure = ({ where, pins, backends, threads }: Cell): Result => {
  const [command, args]: [string, (string | number)[]] =
    where === 'C++'
      ? [program, [pins, backends, threads, values.seconds]]
      : [process.execPath, ['--import', 'tsx', join(here, 'pick-js.ts'), pins, backends, values.seconds]]
  return JSON.parse(execFileSync(command, args.map(String), { encoding: 'utf8' }))
}

const results: Result[][] = cells.map(() => [])
for (let round = 0; round < Number(values.rounds); round++) {
  cells.forEach((cell, i) => {
    results[i]?.push(measure(cell))
  })
  process.stderr.write(`round ${round + 1} of ${values.rounds}\n`)
}

const millions = (value = 0) => (value / 1e6).toFixed(2)
console.log('| from | pins | backends | threads | M picks/s, median (min … max) | bytes a pin |')
console.log('|---|---|---|---|---|---|')
cells.forEach(({ where, pins, backends, threads }, i) => {
  const measured = results[i] ?? []
  const rates = measured.map(result => result.perSecond).sort((a, b) => a - b)
  const spread = `${millions(rates[rates.length >> 1])} (${millions(rates[0])} … ${millions(rates.at(-1))})`
  const bytes = measured[0]?.bytesPerPin?.toFixed(1) ?? ''
  console.log(
    `| ${where} | ${pins.toLocaleString('en')} | ${backends.toLocaleString('en')} | ${threads} | ${spread} | ${bytes} |`,
  )
})
