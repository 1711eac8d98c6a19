import type { BackendChanges, BackendOptions } from '../../config/options.ts'
import { LimpetError } from '../../errors.ts'
import type { BackendInfo, Pool } from '../../pool/pool.ts'
import { readBody } from '../body.ts'
import type { Call, Route } from '../route.ts'
import { BODIES } from '../schemas.ts'
import { poolOf } from './pools.ts'
import { changeQuery, rosterOptions, tellVersion } from './roster.ts'

const LIST = '/v1/pools/:pool/backends'
const ONE = `${LIST}/:backend`

export const listBackends: Route = {
  method: 'get',
  path: LIST,
  summary: 'The backends of a pool, and what is on them now.',
  answers: { 200: { description: 'In the order in which they were added.', body: BODIES.backends } },
  handle: (call, { balancer }) => {
    const pool = poolOf(call, balancer)
    tellVersion(call, pool)
    return call.json({ backends: pool.backends() })
  },
}

export const addBackend: Route = {
  method: 'post',
  path: LIST,
  summary: 'Adds a backend. About 1/n of the homes move to it, no others; pins stay.',
  query: changeQuery,
  body: BODIES.newBackend,
  answers: { 201: { description: 'It was added.', body: BODIES.backend } },
  handle: async (call, { balancer, turns }) => {
    const pool = poolOf(call, balancer)
    const options = (await readBody(call.env.incoming)) as BackendOptions
    await turns.take(() => pool.roster.add(options, rosterOptions(call)))
    tellVersion(call, pool)
    return call.json(infoOf(pool, options.name), 201)
  },
}

export const showBackend: Route = {
  method: 'get',
  path: ONE,
  summary: 'One backend, and what is on it now.',
  answers: { 200: { description: 'Figures of now.', body: BODIES.backend } },
  handle: (call, { balancer }) => {
    const pool = poolOf(call, balancer)
    tellVersion(call, pool)
    return call.json(infoOf(pool, nameOf(call)))
  },
}

export const updateBackend: Route = {
  method: 'patch',
  path: ONE,
  summary: 'Changes a backend; what is not given stays. Its sessions go on.',
  query: changeQuery,
  body: BODIES.backendChanges,
  answers: { 200: { description: 'It was changed.', body: BODIES.backend } },
  handle: async (call, { balancer, turns }) => {
    const [pool, name] = [poolOf(call, balancer), nameOf(call)]
    const changes = (await readBody(call.env.incoming)) as BackendChanges
    await turns.take(() => pool.roster.update(name, changes, rosterOptions(call)))
    tellVersion(call, pool)
    return call.json(infoOf(pool, name))
  },
}

export const removeBackend: Route = {
  method: 'delete',
  path: ONE,
  summary: 'Removes a backend: its homes move to the others, its pins are forgotten, its sessions go on.',
  query: changeQuery,
  answers: { 204: { description: 'It was removed.' } },
  handle: async (call, { balancer, turns }) => {
    const [pool, name] = [poolOf(call, balancer), nameOf(call)]
    await turns.take(() => pool.roster.remove(name, rosterOptions(call)))
    tellVersion(call, pool)
    return call.body(null, 204)
  },
}

function nameOf(call: Call): string {
  return call.req.param('backend') ?? ''
}

function infoOf(pool: Pool, name: string): BackendInfo {
  const info = pool.backends().find(backend => backend.name === name)
  if (info !== undefined) return info
  throw new LimpetError('LIMPET_ERR_UNKNOWN_BACKEND', `the pool ${pool.name} has no backend ${JSON.stringify(name)}`)
}
