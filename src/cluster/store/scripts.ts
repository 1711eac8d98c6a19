import { createHash } from 'node:crypto'
import type { StoreLink } from './link.ts'

/**
 * What is done in the store in one step. A key of an exception holds the name of its backend and expires by the store's
 * own clock; beside it is a stream of what changed, of about as many entries as it is told. Both are in the same slot of a
 * Redis Cluster.
 */

/** Entries of the stream that are left when it is longer: whoever is further behind reads the keys themselves. */
export const STREAM_ENTRIES = 100_000

/** With so many balancers a cluster is none. */
const MOST_MEMBERS = 4096

/** A script. */
export interface StoreScript {
  readonly lua: string
}

/** What {@link PUT} does with one exception. */
const PUT_ONE = `
local function put(pin, stream, by, backend, milliseconds, before, pool, key, length)
  local held = redis.call('GET', pin)
  local left = held and redis.call('PTTL', pin) or 0
  local ttl = tonumber(milliseconds)
  if left <= 0 then held = false end
  if held and held ~= backend and held ~= before then return {held, left} end
  if held == backend and left >= ttl - ttl / 8 then return {held, left} end
  redis.call('SET', pin, backend, 'PX', ttl)
  redis.call('XADD', stream, 'MAXLEN', '~', length, '*', 'by', by, 'pool', pool, 'key', key,
    'backend', backend, 'ttl', ttl)
  return {backend, ttl}
end`

/**
 * Keys: of the exception, of the stream. Arguments: who says so, the backend, the milliseconds that it holds, where it was
 * before (or nothing), the pool, the key as members tell it, the length of the stream.
 * Answers with the backend that holds and for how long: another one than that of the argument was first, and stays.
 * One that holds already lasts longer by this, never shorter; the others are told where that is an eighth more or further.
 * One that would never expire is none of ours.
 */
export const PUT: StoreScript = {
  lua: `${PUT_ONE}
return put(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7])`,
}

/**
 * The same of many that were nowhere before, in one step: whoever tells thousands at once spends his time on calls otherwise.
 * Keys: of the stream, of the exceptions, all of one shard. Arguments: who says so, the pool, the length of the stream; for each
 * exception the backend, the milliseconds, the key. Answers with what {@link PUT} answers, for each.
 */
export const PUT_MANY: StoreScript = {
  lua: `${PUT_ONE}
local answers = {}
for at = 2, #KEYS do
  local of = 3 * at - 2
  answers[at - 1] = put(KEYS[at], KEYS[1], ARGV[1], ARGV[of], ARGV[of + 1], '', ARGV[2], ARGV[of + 2], ARGV[3])
end
return answers`,
}

/**
 * Keys: as {@link PUT}. Arguments: who says so, the backend, the pool, the key, the length of the stream.
 * Ends an exception that leads to this backend, and no other. Answers with 1, or 0: there was none.
 */
export const END: StoreScript = {
  lua: `
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', 'by', ARGV[1], 'pool', ARGV[3], 'key', ARGV[4],
  'backend', ARGV[2], 'ttl', 0)
return 1`,
}

/**
 * Keys: exceptions of one shard. Answers with each one's backend, nothing where it is gone or none of ours, and how long it
 * holds. No name of a backend is longer than what is read.
 */
export const READ: StoreScript = {
  lua: `
local found = {}
for at, key in ipairs(KEYS) do
  local backend = redis.pcall('GETRANGE', key, 0, 255)
  if type(backend) ~= 'string' or backend == '' then found[at] = {false, 0}
  else found[at] = {backend, redis.call('PTTL', key)} end
end
return found`,
}

/**
 * Keys: of the incarnation. Arguments: what it becomes where there is none.
 * Answers with what it is: another one than before says that the shard was emptied. Nothing: the store is full.
 */
export const INCARNATION: StoreScript = {
  lua: `
local held = redis.call('GET', KEYS[1])
if held then return held end
local set = redis.pcall('SET', KEYS[1], ARGV[1])
return set.ok and ARGV[1] or ''`,
}

/**
 * Keys: of the members, and perhaps of what else each of them has there, which is forgotten with them. Arguments: who says that he
 * lives, what he says, after how many milliseconds members are forgotten, of how many bytes it is at most what one says.
 * Answers with all: who, the milliseconds since he said something, and what. Ages are by the clock of the store alone; where
 * that was set back, what was said counts as said now. What no member can have said is left out.
 */
export const BEAT: StoreScript = {
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', now) .. ' ' .. ARGV[2])
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[3] * 2) end
if redis.call('HLEN', KEYS[1]) > ${MOST_MEMBERS} then return redis.error_reply('TOOMANY members of one cluster') end
local all = redis.call('HGETALL', KEYS[1])
local members = {}
for at = 1, #all, 2 do
  local said, text = string.match(all[at + 1], '^(%d+) (.*)$')
  local age = said and now - tonumber(said)
  if age and age < 0 then
    age = 0
    redis.call('HSET', KEYS[1], all[at], string.format('%d', now) .. ' ' .. text)
  end
  if age and age > tonumber(ARGV[3]) then
    for _, key in ipairs(KEYS) do redis.call('HDEL', key, all[at]) end
  elseif age and #text <= tonumber(ARGV[4]) then members[#members + 1] = {all[at], age, text} end
end
return members`,
}

/**
 * Keys: of what is announced, of this announcement. Arguments: the pool, the id, the backends, the milliseconds that it
 * lasts, how many of a pool are kept. The newest of a pool stand first.
 */
export const ANNOUNCE: StoreScript = {
  lua: `
local ids, count = ARGV[2], 1
for id in string.gmatch(redis.call('HGET', KEYS[1], ARGV[1]) or '', '%S+') do
  if id ~= ARGV[2] and count < tonumber(ARGV[5]) then
    ids, count = ids .. ' ' .. id, count + 1
  end
end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
redis.call('HSET', KEYS[1], ARGV[1], ids)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return count`,
}

/** Keys: of those who have said done. Arguments: who, to which, the milliseconds that it lasts. */
export const SAY_DONE: StoreScript = {
  lua: `
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return redis.call('PEXPIRE', KEYS[1], ARGV[3])`,
}

const NO_SCRIPT = 'NOSCRIPT'
const digests = new Map<StoreScript, string>()

/** Runs a script; the first time on a server, its text is sent. */
export async function runScript(
  link: StoreLink,
  script: StoreScript,
  keys: readonly string[],
  values: readonly (string | number)[],
): Promise<unknown> {
  const [first = ''] = keys
  const rest = [String(keys.length), ...keys, ...values.map(String)]
  try {
    return await link.call(first, ['EVALSHA', digestOf(script), ...rest])
  } catch (error) {
    if (!(error as Error).message.startsWith(NO_SCRIPT)) throw error
    return await link.call(first, ['EVAL', script.lua, ...rest])
  }
}

function digestOf(script: StoreScript): string {
  const known = digests.get(script) ?? createHash('sha1').update(script.lua).digest('hex')
  digests.set(script, known)
  return known
}
