import type { Explanation } from '../../index.ts'
import { visible } from '../../visible.ts'
import { UsageError } from '../cli-error.ts'
import { EXIT } from '../exit-codes.ts'
import { malformedText } from '../explain-addresses.ts'
import type { Io } from '../io.ts'
import { tableLines } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import { limitText } from './backend-table.ts'
import { AdminClient } from './client.ts'
import { RefusedError } from './failures.ts'
import { countText, timeText } from './figures.ts'
import { askPool, type NamedPool, poolPath } from './pools.ts'
import { type AdminOptions, findAdmin } from './target.ts'

/** What the running process says of addresses: what the configuration says, and the pin. */
export async function explainRunning(
  addresses: readonly string[],
  options: AdminOptions & { pool?: string | undefined; key?: boolean | undefined },
  io: Io,
): Promise<number> {
  if (addresses.length === 0) throw new UsageError('an address is missing: limpet explain 192.0.2.7')
  if (addresses.includes('-')) {
    throw new UsageError('addresses of standard input are explained by a file: limpet explain -c limpet.yaml -')
  }
  const client = new AdminClient(await findAdmin(options, io))
  const pool = await askPool(client, options.pool)
  if (options.json !== true) await io.stdout.line(io.stdout.cut(headText(pool)))
  let malformed = 0
  for (const address of addresses) {
    const found = await ask(client, pool, address, options.key === true ? 'key' : 'address')
    if (found === undefined) {
      malformed++
      await io.stderr.line(`${io.stderr.style('red', 'limpet:')} ${malformedText(address)}`)
    } else if (options.json === true) await io.stdout.line(recordOf(pool, found))
    else await io.stdout.write(textOf(pool, found, io))
  }
  return malformed === 0 ? EXIT.ok : EXIT.data
}

/** Undefined: not an address. */
async function ask(
  client: AdminClient,
  pool: NamedPool,
  text: string,
  kind: 'address' | 'key',
): Promise<Explanation | undefined> {
  try {
    return await client.get<Explanation>(`${poolPath(pool.name)}/explain?${kind}=${encodeURIComponent(text)}`)
  } catch (error) {
    if (error instanceof RefusedError && error.code === 'LIMPET_ERR_BAD_ADDRESS') return undefined
    throw error
  }
}

function headText({ name, backends, digest }: NamedPool): string {
  const count = `${backends.length} ${backends.length === 1 ? 'backend' : 'backends'}`
  return `pool ${visible(name)}: ${count}, digest ${visible(digest)}, as it runs now`
}

function recordOf({ name, digest }: NamedPool, explanation: Explanation): string {
  const { address, key, homeKey, home, order, pin, blockPin, spread, next } = explanation
  const block = { ...(homeKey === undefined ? {} : { homeKey }), ...(blockPin === undefined ? {} : { blockPin }) }
  const now = { pin: pin ?? null, ...block, ...(spread === undefined ? {} : { spread }), next: next ?? null }
  return JSON.stringify({ address, key, home: home ?? null, order, pool: name, digest, ...now })
}

function textOf(pool: NamedPool, explanation: Explanation, io: Io): string {
  const { address, key, homeKey, home, order, pin, blockPin, spread, next } = explanation
  const { stdout } = io
  const lines = ['', stdout.style('bold', stdout.cut(visible(address))), `  key    ${visible(key)}`]
  if (home === undefined || home === null) lines.push('  home   none: no backend has a weight')
  else lines.push(`  home   ${stdout.style('green', visible(home))}`)
  if (spread !== undefined) lines.push(stdout.cut(`  spread ${spread.map(visible).join(', ')}: its clients are many`))
  if (homeKey !== undefined) lines.push(`         as all of ${visible(homeKey)}`)
  if (blockPin !== undefined) lines.push(stdout.cut(`         others of it are at ${visible(blockPin)} now`))
  lines.push(stdout.cut(`  pin    ${pinText(pin)}`), stdout.cut(`  next   ${nextText(next)}`))
  if (order.length > 0) lines.push(...orderLines(pool, order, stdout))
  return `${lines.join('\n')}\n`
}

function orderLines({ backends }: NamedPool, order: readonly string[], terminal: Terminal): string[] {
  const infos = new Map(backends.map(backend => [backend.name, backend]))
  const rows = order.map((name, at) => {
    const { address = '', state = '', backup, health, agent, sessions = 0, bound } = infos.get(name) ?? {}
    const isDown = health?.status === 'down' || agent?.isUp === false
    const byAgent = agent === undefined || agent.state === 'ready' ? '' : `${agent.state} by its agent`
    const remarks = [backup ? 'backup' : '', state === 'ready' ? '' : state, byAgent, isDown ? 'down' : '']
    const remark = visible(remarks.filter(text => text !== '').join(', '))
    return [String(at + 1), visible(name), visible(address), countText(sessions), limitText(bound ?? undefined), remark]
  })
  const right = (header: string): { header: string; toRight: true } => ({ header, toRight: true })
  const names = [right('ORDER'), { header: 'BACKEND' }, { header: 'ADDRESS' }]
  const columns = [...names, right('SESSIONS'), right('BOUND'), { header: '' }]
  return tableLines(columns, rows, terminal)
}

/** `b1 (overflow)` */
function nextText(next: Explanation['next'] | null): string {
  return next === undefined || next === null ? 'nobody, or not known' : `${visible(next.backend)} (${next.reason})`
}

function pinText(pin: Explanation['pin'] | null): string {
  if (pin === undefined || pin === null) return 'none'
  const { backend, expiresInMs, returns } = pin
  const until = typeof expiresInMs === 'number' ? `for ${timeText(expiresInMs)} more` : 'while its session lives'
  return `${visible(backend)}, ${until}${returns === true ? '; it goes home with its next connection' : ''}`
}
