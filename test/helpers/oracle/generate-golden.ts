// Writes test/data/golden-homes.csv and prints the worked example of its README. See there before running it.
import { writeFileSync } from 'node:fs'
import { computeRows, GOLDEN, HEADER, workedExample } from './golden.ts'

writeFileSync(new URL('golden-homes.csv', GOLDEN), `${[HEADER, ...computeRows()].join('\n')}\n`)
console.log(workedExample())
