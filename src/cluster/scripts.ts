/**
 * What is done in the store in one step. A key of an exception holds the name of its backend and expires by the store's
 * own clock; beside it is a stream of what changed, of about as many entries as it is told. Both are in the same slot of a
 * Redis Cluster.
 */

/** Entries of the stream that are left when it is longer: whoever is further behind reads the keys themselves. */
export const STREAM_ENTRIES = 100_000

/** A script, and what it is called with. */
export interface StoreScript {
  readonly lua: string
  readonly keys: number
}

/**
 * Keys: of the exception, of the stream. Arguments: who says so, the backend, the milliseconds that it holds, where it was
 * before (or nothing), the pool, the key as members tell it, the length of the stream.
 * Answers with the backend that holds and for how long: another one than that of the argument was first, and stays.
 * One that holds already lasts longer by this, never shorter; the others are told where that is an eighth more or further.
 */
export const PUT: StoreScript = {
  keys: 2,
  lua: `
local held = redis.call('GET', KEYS[1])
local left = held and redis.call('PTTL', KEYS[1]) or 0
local ttl = tonumber(ARGV[3])
if held and held ~= ARGV[2] and held ~= ARGV[4] then return {held, left} end
if held == ARGV[2] and left >= ttl - ttl / 8 then return {held, left} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ttl)
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[7], '*', 'by', ARGV[1], 'pool', ARGV[5], 'key', ARGV[6],
  'backend', ARGV[2], 'ttl', ttl)
return {ARGV[2], ttl}`,
}

/**
 * Keys: as {@link PUT}. Arguments: who says so, the backend, the pool, the key, the length of the stream.
 * Ends an exception that leads to this backend, and no other. Answers with 1, or 0: there was none.
 */
export const END: StoreScript = {
  keys: 2,
  lua: `
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', 'by', ARGV[1], 'pool', ARGV[3], 'key', ARGV[4],
  'backend', ARGV[2], 'ttl', 0)
return 1`,
}
