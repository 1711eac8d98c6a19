// Clients that come again and again, each from an address of its own, and measure how long it takes to be served.
import { setTimeout as sleep } from 'node:timers/promises'
import { Conn, type Dial } from '../net.ts'
import { answerParent } from './answer.ts'

/** What happened since the last look. */
export interface Visits {
  /** From the connect to the line that the backend says, in milliseconds. */
  times: number[]
  /** What became of those that were not served. */
  failures: string[]
  /** Addresses that met another backend than at their first visit. */
  moved: string[]
}

/** Clients of one balancer, which come one after the other. */
export interface Lane {
  dial: Dial
  addresses: string[]
}

/** Which backend each address met first. */
const met: Record<string, string> = {}
let visits: Visits = { times: [], failures: [], moved: [] }
let isOver = false
let lanes: Promise<void>[] = []

async function visit(dial: Dial, localAddress: string): Promise<void> {
  const began = performance.now()
  const conn = await Conn.open({ ...dial, localAddress })
  const name = await conn.line()
  visits.times.push(performance.now() - began)
  conn.destroy()
  if (name === '') throw new Error('closed before it was served')
  met[localAddress] ??= name
  if (met[localAddress] !== name) visits.moved.push(`${localAddress}: ${met[localAddress]}, ${name}`)
}

async function run({ dial, addresses }: Lane, pauseMs: number): Promise<void> {
  for (let turn = 0; !isOver; turn++) {
    const address = addresses[turn % addresses.length] ?? ''
    await visit(dial, address).catch((error: Error) => visits.failures.push(`${address}: ${error.message}`))
    await sleep(pauseMs)
  }
}

answerParent({
  begin(all: Lane[], pauseMs: number): void {
    lanes = all.map(lane => run(lane, pauseMs))
  },
  /** What happened since the last call. */
  take(): Visits {
    const taken = visits
    visits = { times: [], failures: [], moved: [] }
    return taken
  },
  /** They come no more; gives which backend each has met. */
  async end(): Promise<Record<string, string>> {
    isOver = true
    await Promise.all(lanes)
    return met
  },
})
