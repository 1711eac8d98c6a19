import { formatAddress } from '../config/address.ts'
import { quote } from '../config/text.ts'
import { LimpetError } from '../errors.ts'
import type { Explanation } from '../index.ts'
import type { Io } from './io.ts'
import { keyNotes } from './key-notes.ts'
import type { OfflinePool } from './offline-pool.ts'
import type { Terminal } from './terminal.ts'

/** What `explain --json` prints for an address. */
export interface ExplainRecord {
  address: string
  key: string
  /** Null: no backend has a weight. */
  home: string | null
  order: string[]
  pool: string
  digest: string
}

const HOME_LABEL = '  home   '

/** Explains addresses of the command line; returns how many were malformed. */
export async function explainAddresses(
  pool: OfflinePool,
  addresses: readonly string[],
  { json = false, key = false }: { json?: boolean | undefined; key?: boolean | undefined },
  io: Io,
): Promise<number> {
  let malformed = 0
  if (!json) await io.stdout.line(headText(pool, io.stdout))
  for (const address of addresses) {
    const found = key ? pool.explainKey(address) : explainOne(pool, address)
    if (found === undefined) {
      malformed += 1
      await io.stderr.line(`${io.stderr.style('red', 'limpet:')} ${malformedText(address)}`)
    } else if (json) await io.stdout.line(recordLine(pool, found))
    else await io.stdout.write(explanationText(pool, found, io.stdout))
  }
  return malformed
}

/** Undefined: not an address. */
export function explainOne(pool: OfflinePool, address: string): Explanation | undefined {
  try {
    return pool.explain(address)
  } catch (error) {
    if (error instanceof LimpetError && error.code === 'LIMPET_ERR_BAD_ADDRESS') return undefined
    throw error
  }
}

export function recordLine({ digest, settings }: OfflinePool, { address, key, home, order }: Explanation): string {
  const record: ExplainRecord = { address, key, home: home ?? null, order, pool: settings.name, digest }
  return JSON.stringify(record)
}

/** What is wrong with an address, and what to do about it. */
export function malformedText(address: string): string {
  const text = `${quote(address)} is not an IP address`
  if (/^[0-9a-f:.]+%/i.test(address)) return `${text}: leave its zone (%…) out, it means nothing on another host`
  if (/^[0-9a-f:.]+\/\d+$/i.test(address)) return `${text}: leave its prefix length out, that of the pool holds`
  if (/^\[.*\](:\d+)?$|^[\d.]+:\d+$/.test(address)) return `${text}: leave the port and [ ] out`
  return text
}

function headText({ settings, digest }: OfflinePool, terminal: Terminal): string {
  const { name, placement, backends, affinity } = settings
  const facts = `${placement}, ${backends.length} ${backends.length === 1 ? 'backend' : 'backends'}, digest ${digest}`
  return [`pool ${name}: ${facts}`, ...keyNotes(affinity.key)].map(line => terminal.cut(line)).join('\n')
}

function explanationText(pool: OfflinePool, explanation: Explanation, terminal: Terminal): string {
  const { address, key, homeKey, home, order } = explanation
  const lines = ['', terminal.style('bold', terminal.cut(address)), `  key    ${key}`]
  if (homeKey !== undefined) lines.push(`         its home is that of ${homeKey}`)
  if (home === undefined) lines.push('  home   none: no backend has a weight')
  else
    lines.push(
      HOME_LABEL + terminal.style('green', terminal.cut(HOME_LABEL + home).slice(HOME_LABEL.length)),
      ...orderLines(pool, order, terminal),
    )
  return `${lines.join('\n')}\n`
}

function orderLines(pool: OfflinePool, order: readonly string[], terminal: Terminal): string[] {
  const rankWidth = String(order.length).length
  const nameWidth = order.reduce((width, { length }) => Math.max(width, length), 0)
  return order.map((name, index) => {
    const rank = String(index + 1).padStart(rankWidth)
    const label = index === 0 ? 'order' : '     '
    return terminal.cut(`  ${label}  ${rank}  ${name.padEnd(nameWidth)}  ${formatAddress(pool.addressOf(name))}`)
  })
}
