import { getSystemErrorName } from 'node:util'
import { nativeOs } from '../acceptor/open-socket.ts'
import { LimpetError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import { threadStatus } from './thread-privileges.ts'

/** Whom a process becomes. */
export interface Identity {
  readonly uid: number
  readonly gid: number
  /** For its supplementary groups; undefined: a number that no user has, which has none. */
  readonly name: string | undefined
}

/** As the configuration has it: names, or numbers as text. */
export interface WantedIdentity {
  readonly user: string | undefined
  readonly group: string | undefined
}

/**
 * Looks up whom the process is to become, and whether it may. Undefined: it stays what it is.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_PRIVILEGES`
 */
export function identityOf({ user, group }: WantedIdentity): Identity | undefined {
  if (user === undefined && group === undefined) return undefined
  const os = nativeOs()
  if (os === undefined || process.geteuid === undefined || process.getegid === undefined) {
    throw refusal(`this cannot be done on ${process.platform}`)
  }
  const known = user === undefined ? undefined : os.user(user)
  const uid = user === undefined ? process.geteuid() : (known?.uid ?? numberOf(user))
  if (uid === undefined) throw refusal(`there is no user ${user}`)
  const gid = group === undefined ? known?.gid : (os.group(group) ?? numberOf(group))
  if (gid === undefined)
    throw refusal(group === undefined ? `the user ${user} has no group: set group` : `there is no group ${group}`)
  const isSame = uid === process.geteuid() && gid === process.getegid()
  if (!isSame && process.geteuid() !== 0) {
    const who = `user ${process.geteuid()}, group ${process.getegid()}`
    throw refusal(`only root can become user ${uid}, group ${gid}, and this process is ${who}`)
  }
  return { uid, gid, name: known?.name }
}

/**
 * Becomes the identity, with every thread: the C library tells each of them (nptl(7)). From then on the process cannot get
 * any privilege back.
 *
 * @throws {@link LimpetError} `LIMPET_ERR_PRIVILEGES`: the system refuses, or some of it is left
 */
export function become(identity: Identity, log: Log): void {
  const { uid, gid } = identity
  const wasRoot = process.geteuid?.() === 0
  try {
    if (wasRoot) change(identity)
  } catch (error) {
    throw refusal(`user ${uid}, group ${gid}: ${(error as Error).message}`, error)
  }
  const status = nativeOs()?.noNewPrivileges() ?? 0
  if (status !== 0) log.warn({ code: getSystemErrorName(status) }, 'threads that run already may gain privileges')
  checkThreads(identity, wasRoot && uid !== 0)
  if (uid !== 0 && isRootAgain()) throw refusal('the process can become root again')
  log.info({ uid, gid }, 'privileges dropped')
}

/** The user last: it is the one who may do the rest. */
function change({ uid, gid, name }: Identity): void {
  // Missing in the types of Node 20.
  const { initgroups } = process as unknown as { initgroups: (user: string, group: number) => void }
  if (name === undefined) process.setgroups?.([gid])
  else initgroups(name, gid)
  process.setgid?.(gid)
  process.setuid?.(uid)
}

/** Real, effective, saved and file system id of every thread, and that no capability is left to who is not root. */
function checkThreads({ uid, gid }: Identity, hasDropped: boolean): void {
  const four = (id: number): string => Array(4).fill(id).join('\t')
  const threads = threadStatus(['Uid', 'Gid', 'CapPrm'])
  if (threads.length === 0) throw refusal('/proc does not tell what its threads are')
  for (const status of threads) {
    if (status.get('Uid') !== four(uid) || status.get('Gid') !== four(gid)) {
      throw refusal(`a thread is still user ${status.get('Uid')}, group ${status.get('Gid')}`)
    }
    if (hasDropped && !/^0+$/.test(status.get('CapPrm') ?? '')) throw refusal('a thread has capabilities left')
  }
}

function isRootAgain(): boolean {
  try {
    process.setuid?.(0)
    return true
  } catch {
    return false
  }
}

function numberOf(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined
}

function refusal(why: string, cause?: unknown): LimpetError {
  return new LimpetError(
    'LIMPET_ERR_PRIVILEGES',
    `the process cannot become the user or group of its configuration: ${why}`,
    {
      cause,
    },
  )
}
