import { z } from 'zod'
import { formatAddress, type ListenAddress } from '../config/address.ts'
import type { ResolvedConfig } from '../config/resolved.ts'

/**
 * What two processes say to each other while one takes over from the other, over a unix socket beside that of the admin
 * API. Each message is a line of JSON.
 *
 *   running → new   an offer, with a descriptor for each socket that it lists
 *   new → running   it wants what was changed of the backends by the admin API
 *   running → new   the changes; from now on it refuses others
 *   new → running   it wants the stick tables, when it knows its backends
 *   running → new   the tables, and how many sessions are on each backend
 *   new → running   it serves, and which sockets and files it uses
 *   running → new   the sessions, and the pins of clients that are not at home, once more: some are new
 *   new → running   it has them
 *   running → new   it accepts nobody any more, and has left its files
 *   running → new   from time to time, how many sessions are left
 *
 * Until the new one has everything the running process goes on whatever happens: an end of the connection ends the attempt,
 * and so does a silence. From then on it cannot go on, and the new one need not hear of it: whatever happens to the running
 * one is its end.
 */
export const PROTOCOL = 2

/** More than a process has descriptors for; the addon takes no more. */
const MOST_SESSIONS = 2 ** 22

/** No line is longer: an offer has a name and an address for each of some thousand listeners. */
export const LONGEST_LINE = 4 * 1024 * 1024

const socketSchema = z.object({
  kind: z.enum(['listener', 'admin', 'takeover']),
  /** Of a listener. */
  name: z.string(),
  /** As it is configured. */
  bind: z.string(),
  /** Whether a service manager has it, too. */
  isShared: z.boolean(),
})
export type OfferedSocket = z.infer<typeof socketSchema>

export const offerSchema = z.object({
  limpet: z.literal('takeover'),
  protocol: z.number(),
  version: z.string(),
  sockets: z.array(socketSchema),
  /** Absolute paths of the files of `state` and of stick tables, which it gives up when it leaves. */
  files: z.array(z.string()),
})
export type Offer = z.infer<typeof offerSchema>

export const readySchema = z.object({
  ready: z.literal(true),
  listeners: z.array(z.string()),
  admin: z.boolean(),
  /** Files of stick tables, of those that were offered, beside which it has new ones. */
  files: z.array(z.string()),
})
export type Ready = z.infer<typeof readySchema>

export const wantSchema = z.object({ want: z.enum(['changes', 'tables']) })
export const changesSchema = z.object({ changes: z.string(), overlay: z.unknown() })
export const liveSchema = z.object({
  live: z.string(),
  /** Of every backend that has any: its name, and how many. */
  sessions: z.array(z.tuple([z.string(), z.number().int().min(0).max(MOST_SESSIONS)])),
})
export const tookSchema = z.object({ took: z.literal(true) })
export const refusalSchema = z.object({ refused: z.string() })
export const tableSchema = z.object({ table: z.string() })
export const leftSchema = z.object({ left: z.literal(true) })

/** Ends the changes, the lines of one table, and all tables. */
export const END = JSON.stringify({ end: true })

/** Where a process waits for its successor; undefined: its admin API has no unix socket that it could be beside. */
export function takeoverPath(listen: ListenAddress | undefined): string | undefined {
  return listen?.kind === 'unix' ? `${listen.path}.takeover` : undefined
}

/** The binds of a configuration, as an offer tells them. */
export function bindsOf({ listeners, admin }: ResolvedConfig): { listeners: Map<string, string>; admin: string } {
  return {
    listeners: new Map(listeners.map(({ name, bind }) => [name, formatAddress(bind)])),
    admin: admin === undefined ? '' : formatAddress(admin.listen),
  }
}

/** The files that a process with this configuration has to itself. */
export function filesOf(config: ResolvedConfig): string[] {
  return [...(config.state === undefined ? [] : [config.state]), ...tableFilesOf(config)]
}

/** Those of them that are stick tables. */
export function tableFilesOf({ pools }: ResolvedConfig): string[] {
  return [...pools.values()].map(({ stickTable }) => stickTable?.file).filter(file => file !== undefined)
}

/** A message of this kind; undefined: it is another one. */
export function read<T>(schema: z.ZodType<T>, line: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(line)).data
  } catch {
    // It is no JSON.
    return undefined
  }
}
