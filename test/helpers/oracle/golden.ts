import { readFileSync } from 'node:fs'
import { derive, mix64 } from './hash.ts'
import { keyBytes } from './key.ts'
import { negativeLog2 } from './log2.ts'
import type { OracleBackend } from './placement.ts'
import { SLOTS } from './placement.ts'
import { Random } from './random.ts'
import { oraclePlacement } from './subject.ts'

/** Homes that never change: what is in `test/data` holds for every version of a placement. */
export const GOLDEN = new URL('../../data/', import.meta.url)
export const ALGORITHMS = ['rendezvous', 'ring'] as const
export const HEADER = 'algorithm,set,address,home,second'

export interface GoldenSet {
  secret: string
  ipv4Prefix: number
  ipv6Prefix: number
  backends: OracleBackend[]
}

export interface GoldenRow {
  algorithm: (typeof ALGORITHMS)[number]
  set: string
  address: string
  home: string
  second: string
}

export function goldenSets(): Record<string, GoldenSet> {
  return JSON.parse(readFileSync(new URL('golden-sets.json', GOLDEN), 'utf8')) as Record<string, GoldenSet>
}

export function goldenRows(): GoldenRow[] {
  const [header, ...lines] = readFileSync(new URL('golden-homes.csv', GOLDEN), 'utf8').trimEnd().split('\n')
  if (header !== HEADER) throw new Error(`golden-homes.csv begins with ${header}`)
  return lines.map(line => {
    const [algorithm, set = '', address = '', home = '', second = ''] = line.split(',')
    return { algorithm: algorithm === 'ring' ? 'ring' : 'rendezvous', set, address, home, second }
  })
}

/** What the oracle says of all sets. */
export function computeRows(): string[] {
  const addresses = goldenAddresses()
  const rows: string[] = []
  for (const algorithm of ALGORITHMS) {
    for (const [set, settings] of Object.entries(goldenSets())) {
      const oracle = oraclePlacement({ algorithm, ...settings })
      for (const address of addresses) {
        const [home, second] = oracle.order(address)
        rows.push([algorithm, set, address, home, second].join())
      }
    }
  }
  return rows
}

function goldenAddresses(): string[] {
  const fixed = ['192.0.2.1', '::ffff:192.0.2.1', '0.0.0.0', '255.255.255.255', '127.0.0.1', '::', '::1']
  const documentation = ['2001:db8::1', '2001:DB8:0:0:0:0:0:1', '2001:db8::ffff:ffff:ffff:ffff', '2001:db8::192.0.2.33']
  const random = new Random(2026)
  const v4 = Array.from({ length: 150 }, () => random.ipv4())
  const v6 = Array.from({ length: 100 }, () => random.ipv6())
  return [...fixed, ...documentation, ...v4, ...v6]
}

/** Every value between an address and its home, for whoever writes another implementation. */
export function workedExample(): string {
  const { weighted } = goldenSets()
  if (weighted === undefined) throw new Error('the worked example is of the set "weighted"')
  const address = '192.0.2.1'
  const oracle = oraclePlacement({ algorithm: 'rendezvous', ...weighted })
  const key = oracle.key(address)
  const hash = oracle.hash(key)
  const slot = hash % SLOTS
  const lines = [
    `secret  ${derive(weighted.secret, 'placement').subarray(0, 16).toString('hex')}… (192 bytes)`,
    `key     ${keyBytes(key).toString('hex')}`,
    `K       ${hex(hash)}`,
    `slot    ${slot}`,
    `S       ${hex(oracle.slotWord(slot))}`,
  ]
  for (const { name, weight } of weighted.backends.filter(backend => backend.weight > 0)) {
    const seed = oracle.backendSeed(name)
    const u = mix64(oracle.slotWord(slot) ^ seed)
    lines.push(`${name}  weight ${String(weight).padStart(3)}  B ${hex(seed)}  u ${hex(u)}  L ${hex(negativeLog2(u))}`)
  }
  const ring = oraclePlacement({ algorithm: 'ring', ...weighted })
  lines.push(
    `rendezvous order  ${oracle.order(address).join(' ')}`,
    `ring order        ${ring.order(address).join(' ')}`,
  )
  lines.push(`logarithms        ${hex(logarithms(100_000))}`)
  return lines.join('\n')
}

/** One number for many logarithms: what no choice of keys would show of their last bits. */
function logarithms(count: number): bigint {
  let sum = 0n
  for (let i = 1; i <= count; i++) sum = mix64(sum ^ negativeLog2(mix64(BigInt(i))))
  return sum
}

function hex(value: bigint): string {
  return value.toString(16).padStart(16, '0')
}
