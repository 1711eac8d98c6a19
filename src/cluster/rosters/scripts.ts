import type { StoreScript } from '../store/scripts.ts'

/** Changes of a pool's roster of which is known who made them, and when. */
export const AUDIT_ENTRIES = 1000

/**
 * Keys: rosters. Answers with what each is called now: its version, a space, and what tells two of one version apart;
 * only the space where there is none.
 */
export const ROSTER_STAMPS: StoreScript = {
  lua: `
local stamps = {}
for at, key in ipairs(KEYS) do
  local held = redis.call('HMGET', key, 'version', 'id')
  stamps[at] = (held[1] or '') .. ' ' .. (held[2] or '')
end
return stamps`,
}

/**
 * Keys: of the roster, of the stream of its changes. Arguments: what it must be called yet, then of the new one: version, id,
 * overlay, who (the balancer, the person), what was changed, when (nothing: now, by the clock of the store); the length of
 * the stream. Answers with when it was; nothing: it is called otherwise by now, and nothing was changed.
 */
export const ROSTER_SET: StoreScript = {
  lua: `
local held = redis.call('HMGET', KEYS[1], 'version', 'id')
if (held[1] or '') .. ' ' .. (held[2] or '') ~= ARGV[1] then return false end
local at = ARGV[8]
if at == '' then
  local time = redis.call('TIME')
  at = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'id', ARGV[3], 'overlay', ARGV[4], 'by', ARGV[5], 'actor', ARGV[6], 'at', at)
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[9], '*', 'version', ARGV[2], 'by', ARGV[5], 'actor', ARGV[6], 'at', at,
  'what', ARGV[7])
return at`,
}
