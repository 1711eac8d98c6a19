import { setImmediate as nextTurn } from 'node:timers/promises'
import { z } from 'zod'
import type { PinInfo, PinPage, SavedPin } from '../../pool/table.ts'
import { checkedBody } from '../body.ts'
import { AdminError } from '../errors.ts'
import type { Call, Route } from '../route.ts'
import { BODIES } from '../schemas.ts'
import { requestError } from '../security.ts'
import { poolOf } from './pools.ts'

const TABLE = '/v1/pools/:pool/table'
const PIN = `${TABLE}/pin`
/** Most that one answer has, give or take a bucket. */
const MOST = 10_000
const USUAL = 1000
/** Pins that are looked for in one turn of the event loop. */
const AT_ONCE = 512

const client = z.strictObject({ client: z.string().describe('An IP address, or a key as the list tells it.') })

export const listPins: Route = {
  method: 'get',
  path: TABLE,
  summary: 'Pins of the stick table, a part at a time.',
  query: z.strictObject({
    from: z.string().optional().describe('What the answer before has as next; without it: from the beginning.'),
    limit: z.string().optional().describe(`About how many, 1 to ${MOST}; ${USUAL} without it.`),
    backend: z.string().optional().describe('Only those to this backend.'),
    away: z.enum(['true', 'false']).optional().describe('true: only those that are not at home.'),
  }),
  answers: { 200: { description: 'In no order; next: there may be others.', body: BODIES.pins } },
  handle: async (call, { balancer }) => {
    const { table } = poolOf(call, balancer)
    const { from, limit, backend, away } = call.req.query()
    const most = numberOf('limit', limit, USUAL, 1, MOST)
    const pins: PinInfo[] = []
    let next: number | undefined = numberOf('from', from, 0, 0, 2 ** 32 - 1)
    while (next !== undefined && pins.length < most) {
      const page: PinPage = table.page(next, Math.min(AT_ONCE, most - pins.length), {
        backend,
        isAway: away === 'true',
      })
      pins.push(...page.pins)
      next = page.next
      await nextTurn()
    }
    return call.json({ keyDigest: table.keyDigest, pins, ...(next === undefined ? {} : { next }) })
  },
}

export const clearPins: Route = {
  method: 'delete',
  path: TABLE,
  summary: 'Forgets all pins, or those to one backend: the next session of each client goes home. Sessions go on.',
  query: z.strictObject({ backend: z.string().optional().describe('Only those to this backend.') }),
  answers: { 200: { description: 'How many there were.', body: BODIES.cleared } },
  handle: async (call, { balancer }) => {
    const backend = call.req.query('backend')
    return call.json({ cleared: await poolOf(call, balancer).table.clear({ backend }) })
  },
}

export const showPin: Route = {
  method: 'get',
  path: PIN,
  summary: 'The pin of a client.',
  query: client,
  answers: { 200: { description: 'It has one.', body: BODIES.pin } },
  handle: (call, { balancer }) => {
    const pin = poolOf(call, balancer).table.get(clientOf(call))
    if (pin === undefined) throw noPin(call)
    return call.json(pin)
  },
}

export const setPin: Route = {
  method: 'put',
  path: PIN,
  summary: 'Pins a client to a backend, whatever its home is; its sessions go on where they are.',
  body: BODIES.newPin,
  answers: { 200: { description: 'It has this pin.', body: BODIES.pin } },
  handle: async (call, { balancer }) => {
    const { table } = poolOf(call, balancer)
    const { client, backend, ttl } = await checkedBody(call.env.incoming, BODIES.newPin.schema)
    if (!table.set(client, backend, { ttl })) {
      throw requestError(409, 'the table is full, and nothing in it may be evicted for this client')
    }
    return call.json(table.get(client))
  },
}

export const deletePin: Route = {
  method: 'delete',
  path: PIN,
  summary: 'Forgets the pin of a client: its next session goes home.',
  query: client,
  answers: { 204: { description: 'It has none now.' } },
  handle: (call, { balancer }) => {
    if (!poolOf(call, balancer).table.delete(clientOf(call))) throw noPin(call)
    return call.body(null, 204)
  },
}

export const importPins: Route = {
  method: 'post',
  path: `${TABLE}/import`,
  summary: 'Sets pins that were listed before, here or by another balancer of the same keys.',
  body: BODIES.savedPins,
  answers: { 200: { description: 'What became of them.', body: BODIES.savedCounts } },
  handle: async (call, { balancer }) => {
    const { table } = poolOf(call, balancer)
    const { keyDigest, pins } = await checkedBody(call.env.incoming, BODIES.savedPins.schema)
    if (keyDigest !== table.keyDigest) {
      throw requestError(409, 'the pins are of a pool with another secret or other prefixes, whose keys are others')
    }
    return call.json(table.put(pins as SavedPin[]))
  },
}

function clientOf(call: Call): string {
  return call.req.query('client') ?? ''
}

function noPin(call: Call): Error {
  return new AdminError(404, 'LIMPET_ERR_UNKNOWN_PIN', `${JSON.stringify(clientOf(call))} has no pin`)
}

function numberOf(name: string, text: string | undefined, usual: number, least: number, most: number): number {
  if (text === undefined) return usual
  const number = /^\d{1,10}$/.test(text) ? Number(text) : -1
  if (number >= least && number <= most) return number
  throw requestError(400, `the parameter "${name}" is a number from ${least} to ${most}`)
}
