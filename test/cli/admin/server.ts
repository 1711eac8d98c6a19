import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StatusReport } from '../../../src/cli/admin/status-text.ts'
import type { BackendInfo } from '../../../src/pool/pool.ts'
import { DurationColumns } from '../../../src/relay/durations.ts'
import type { PoolStats } from '../../../src/stats.ts'

/** What was asked. */
export interface Asked {
  method: string
  path: string
  token: string | undefined
  type: string | undefined
  body: unknown
}

/** What is answered: a status and a body; or whatever a function does with the response. */
export type Answer = readonly [number, unknown?] | ((response: ServerResponse) => void)

/** Answers by `METHOD /path`; whatever else is asked is an unknown route. */
export type Script = Readonly<Record<string, Answer>>

/** A server that answers by a script, and keeps what it was asked. */
export class ScriptedServer {
  readonly asked: Asked[] = []
  script: Script
  readonly #server: Server
  readonly #directory = mkdtempSync(join(tmpdir(), 'limpet-admin-'))

  constructor(script: Script) {
    this.script = script
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  /** Listens on a unix socket and returns its address. */
  async listen(): Promise<string> {
    const path = join(this.#directory, 'admin.sock')
    this.#server.listen(path)
    await once(this.#server, 'listening')
    return `unix:${path}`
  }

  async listenTcp(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    if (this.#server.listening) await once(this.#server, 'close')
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const body = text === '' ? undefined : (JSON.parse(text) as unknown)
    this.asked.push({ method, path: url, token: headers.authorization, type: headers['content-type'], body })
    const answer = this.script[`${method} ${url}`] ?? [
      404,
      { error: { code: 'LIMPET_ERR_ADMIN_REQUEST', message: 'no' } },
    ]
    if (typeof answer === 'function') {
      answer(response)
      return
    }
    const [status, json] = answer
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(json === undefined ? undefined : JSON.stringify(json))
  }
}

export function backendInfo(name: string, more: Partial<BackendInfo> = {}): BackendInfo {
  return {
    name,
    address: `10.0.0.1:6379`,
    weight: 1,
    maxSessions: 0,
    backup: false,
    state: 'ready',
    sessions: 0,
    bound: null,
    total: 0,
    connectFailures: 0,
    takesNew: true,
    ...more,
  }
}

export function poolStats(backends: BackendInfo[], more: Partial<PoolStats> = {}): PoolStats {
  return {
    digest: '194b5782611edaef',
    roster: 3,
    seats: 0,
    outstandingPicks: 0,
    decisions: { pin: 0, home: 0, overflow: 0, failover: 0, redispatch: 0, nokey: 0, returned: 0, cookie: 0 },
    refused: { noBackend: 0, poolFull: 0, keySessions: 0, keyRate: 0 },
    sharedRates: 0,
    held: 0,
    queue: { waiting: 0, waited: 0, waitedMs: 0, timedOut: 0, refused: 0, left: 0 },
    hotKeys: 0,
    spreadPicks: 0,
    broughtHome: 0,
    table: {
      entries: 12_345,
      capacity: 1_000_000,
      bytes: 1,
      hits: 0,
      misses: 0,
      inserted: 0,
      evicted: { expired: 0, home: 0, away: 0, aged: 0 },
      rejected: 0,
    },
    isFailOpen: false,
    backends,
    ...more,
  }
}

export function statusReport(pools: Record<string, PoolStats>, more: Partial<StatusReport> = {}): StatusReport {
  const counters = { accepted: 0, bytesToBackend: 0, bytesToClient: 0 } as StatusReport['stats']['counters']
  return {
    version: '0.1.0',
    pid: 4242,
    startedAt: '2026-01-01T00:00:00.000Z',
    uptimeMs: 90_061_000,
    status: 'listening',
    config: '/etc/limpet/limpet.yaml',
    generation: 7,
    closings: [],
    threads: [],
    stats: {
      generation: 7,
      sessions: 42,
      counters,
      durations: new DurationColumns().told(),
      listeners: { l: { address: { address: '127.0.0.1', family: 'IPv4', port: 7000 }, pool: 'redis', sessions: 42 } },
      pools,
      fdBudget: { used: 0, limit: 0 },
    },
    ...more,
  }
}

/** `/v1/pools` of these pools. */
export function poolsAnswer(pools: Record<string, PoolStats>): Answer {
  return [200, { pools: Object.entries(pools).map(([name, stats]) => ({ name, ...stats })) }]
}

export function failure(code: string, message: string, problems?: unknown[]): { error: object } {
  return { error: { code, message, ...(problems === undefined ? {} : { problems }) } }
}
