import { normalize } from 'node:path'
import { needsScript } from '../affinity/needs-script.ts'
import { clusterFindings } from './cluster-findings.ts'
import { cookieFindings } from './cookie.ts'
import { adminBindProblem, bindProblems, loopProblems } from './loops.ts'
import { transparentFindings } from './outgoing.ts'
import type { Finding } from './parsed.ts'
import { peekFindings } from './peek-findings.ts'
import { proxyFindings } from './proxy-findings.ts'
import { ringRefusal } from './ring.ts'
import { routeFindings } from './route-findings.ts'
import { LIMITS } from './schema.ts'
import { type Path, pathText, quote } from './text.ts'
import { tlsFindings } from './tls-findings.ts'
import type { ListenerView, PoolView, View } from './view.ts'

/** Of the sources of keys the one that backends tell. */
const LEARNT = 'tls.sessionId'

/** What is wrong between the parts of a document. */
export function crossFindings(view: View, localAddresses: ReadonlySet<string>): Finding[] {
  return [
    ...duplicates(view.listeners, ['listeners'], 'listener'),
    ...routeFindings(view),
    ...bindProblems(view.listeners),
    ...view.listeners.flatMap(listenerFindings),
    ...view.listeners.flatMap(listener => scriptFindings(listener, view)),
    ...view.listeners.flatMap(proxyFindings),
    ...loopProblems(view, localAddresses),
    ...view.pools.flatMap(poolFindings),
    ...peekFindings(view),
    ...transparentFindings(view),
    ...cookieFindings(view),
    ...sharedFiles(view),
    ...tooManyPools(view),
    ...adminFindings(view),
    ...tlsFindings(view),
    ...clusterFindings(view),
  ]
}

/** Settings of a listener that exclude each other. */
function listenerFindings(listener: ListenerView): Finding[] {
  const { index, bind, acceptor, relay, deferAccept, fastOpen, allow, deny } = listener
  const findings: Finding[] = []
  const refuse = (key: string, message: string, accepted: string): void => {
    findings.push({ path: ['listeners', index, key], message, accepted })
  }
  if (acceptor === 'native' && relay === 'stream')
    refuse('acceptor', 'the stream relay takes its clients from the net module', 'auto, net; or another relay')
  if (acceptor === 'native' && bind?.kind === 'fd')
    refuse('acceptor', 'the native acceptor opens its own listen socket', 'auto, net; or an address')
  if (bind?.kind !== 'unix') return findings
  for (const [key, value] of Object.entries({ deferAccept, fastOpen })) {
    if (value !== undefined && value !== 'off' && value !== false)
      refuse(key, 'this is an option of TCP, and the listener has a unix socket', 'off')
  }
  for (const [key, value] of Object.entries({ allow, deny })) {
    if (Array.isArray(value) && value.length > 0)
      refuse(key, 'clients of a unix socket have no address; the mode of its directory says who may connect', '[]')
  }
  return findings
}

/** Keys that are made by code are made in the main thread. */
function scriptFindings({ index, acceptor, pools: names }: ListenerView, { pools }: View): Finding[] {
  const pool = pools.find(({ name, keys = [] }) => names.includes(name) && needsScript(keys))
  if (acceptor !== 'native' || pool === undefined) return []
  const message = `affinity.key of the pool ${quote(pool.name)} is code, which does not run in threads that accept`
  return [{ path: ['listeners', index, 'acceptor'], message, accepted: 'auto or net' }]
}

function poolFindings(pool: PoolView): Finding[] {
  const path = ['pools', pool.name, 'backends']
  return [
    ...duplicates(pool.backends, path, 'backend'),
    ...ringFindings(pool, path),
    ...rebalanceFindings(pool),
    ...postgresFindings(pool),
    ...learntKeyFindings(pool),
    ...hotKeyFindings(pool),
    ...ipv6Findings(pool),
  ]
}

/** A key that is learnt from what backends answer: into the stick table, and from clients that are served without it. */
function learntKeyFindings({ name, keys = [], isTableOff, refusesOthers, returnsHome }: PoolView): Finding[] {
  if (!keys.includes(LEARNT)) return []
  const path = ['pools', name, 'affinity']
  const findings: Finding[] = []
  if (isTableOff === true) {
    const message = `${LEARNT} is learnt into the stick table, and this pool has none`
    findings.push({ path: [...path, 'key'], message, accepted: 'other sources; or a stickTable' })
  }
  if (returnsHome === true) {
    const message = `what is learnt has no home, and clients with a ${LEARNT} would lose their sessions`
    findings.push({ path: ['pools', name, 'returnHome'], message, accepted: 'never; or other sources of keys' })
  }
  if (refusesOthers === true && keys.length === 1) {
    const message = `nobody would be served: ${LEARNT} is learnt from clients that come without it at first`
    findings.push({ path: [...path, 'fallback'], message, accepted: 'source, random; or more sources of keys' })
  }
  return findings
}

/** Sessions are counted by key beside a table only. */
function hotKeyFindings({ name, isHotWithoutTable }: PoolView): Finding[] {
  if (isHotWithoutTable !== true) return []
  const message = 'the sessions of a key are counted beside a stick table, and this pool has none'
  return [{ path: ['pools', name, 'affinity', 'hotKey'], message, accepted: 'off; or a stickTable' }]
}

function ipv6Findings({ name, isAutoWithoutTable }: PoolView): Finding[] {
  if (isAutoWithoutTable !== true) return []
  const message = 'which /64 is hot is counted beside a stick table, and this pool has none'
  return [{ path: ['pools', name, 'affinity', 'ipv6Prefix'], message, accepted: '1 to 128; or a stickTable' }]
}

/** Of a session that lives the address is known, and no other key. */
function rebalanceFindings({ name, isRebalanced, keys = [] }: PoolView): Finding[] {
  if (isRebalanced !== true || keys.every(key => key === 'source')) return []
  const message = 'clients are brought home by their addresses, and affinity.key of this pool is another one'
  return [{ path: ['pools', name, 'rebalance', 'perMinute'], message, accepted: '0; or affinity.key: source' }]
}

/** Only who looks for such a key reads what is answered there. */
function postgresFindings({ name, refusesEncryption, keys = [] }: PoolView): Finding[] {
  if (refusesEncryption !== true || keys.some(key => typeof key === 'string' && key.startsWith('postgres.'))) return []
  const message = 'no key of this pool is one of PostgreSQL: affinity.key has none that begins with postgres.'
  const accepted = 'miss; or affinity.key: postgres.user, postgres.database, postgres.startup:NAME'
  return [{ path: ['pools', name, 'affinity', 'postgres', 'tls'], message, accepted }]
}

/** A file has one owner. */
function sharedFiles({ pools, state }: View): Finding[] {
  const owners = new Map<string, string>()
  if (state !== undefined) owners.set(normalize(state), 'state')
  const findings: Finding[] = []
  for (const { name, tableFile } of pools) {
    if (tableFile === undefined) continue
    const owner = owners.get(normalize(tableFile))
    const path = ['pools', name, 'stickTable', 'file']
    if (owner === undefined) owners.set(normalize(tableFile), pathText(path))
    else
      findings.push({
        path,
        message: `${quote(tableFile)} is already the file of ${owner}`,
        accepted: 'a file of its own',
      })
  }
  return findings
}

function adminFindings({ admin, listeners }: View): Finding[] {
  if (admin?.listen === undefined) return []
  const bind = adminBindProblem(admin.listen, listeners)
  const findings = bind === undefined ? [] : [bind]
  if (admin.listen.kind === 'unix' || admin.token !== undefined) return findings
  const message = 'is missing: without one, whoever reaches the admin API could do everything'
  const accepted = '{ env: NAME } or { file: PATH }, or a unix socket as listen'
  return [...findings, { path: ['admin', 'token'], message, accepted, at: 'key' }]
}

function duplicates(
  items: readonly { index: number; name?: string | undefined }[],
  path: Path,
  kind: string,
): Finding[] {
  const first = new Map<string, number>()
  const findings: Finding[] = []
  for (const { index, name } of items) {
    if (name === undefined) continue
    const earlier = first.get(name)
    if (earlier === undefined) first.set(name, index)
    else
      findings.push({
        path: [...path, index, 'name'],
        message: `there is already a ${kind} ${quote(name)}, entry [${earlier}]`,
        accepted: `a name that no other ${kind} has`,
      })
  }
  return findings
}

/** Only for pools that are there: a missing or malformed `pools` is told by the schema. */
function tooManyPools({ pools }: View): Finding[] {
  if (pools.length <= LIMITS.pools) return []
  return [
    { path: ['pools'], message: `there are ${pools.length} pools`, accepted: `at most ${LIMITS.pools}`, at: 'key' },
  ]
}

function ringFindings({ isRing, backends }: PoolView, path: Path): Finding[] {
  const refusal = isRing ? ringRefusal(backends) : undefined
  return refusal === undefined ? [] : [{ path, message: refusal.message, accepted: refusal.accepted, at: 'key' }]
}
