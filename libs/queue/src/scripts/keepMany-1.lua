--[[
  Keeps up to 64 results of the cache in the place of their claims, and lets the oldest go, so that what all gateways keep
  stays within a bound. Whoever is in the index is in its sum: both are one key and change by one step, so neither drifts
  from the other, whoever dies.

  KEYS[1]  <shard>kept: member <bytes>:<key>, scored by when it lapses; member '' is the sum of the bytes, below zero
  ARGV[1]  msgpack [shard, ttlMs, most bytes, bytes of an entry beside its key and value, [key, …] ]
  ARGV[i]  the value of key i - 1
  Returns  [bytes kept now, 1 or 0 for each entry: whether it was stored]
]]
--- @include "includes/clock"
local a = cmsgpack.unpack(ARGV[1])
local base, ttlMs, limit, beside, keys = a[1] .. 'cache:', a[2], a[3], a[4], a[5]
-- No less than a call brings, so that lapsed entries cannot pile up.
local MOST_GONE = 128
local nowMs = clockMs()
local lapsesMs = text(nowMs + ttlMs)
local bytes = -(tonumber(redis.call('ZSCORE', KEYS[1], '')) or 0)

local function forget(member)
  if redis.call('ZREM', KEYS[1], member) == 1 then bytes = bytes - tonumber(string.match(member, '^%d+')) end
end
local function oldest(upto, count) return redis.call('ZRANGEBYSCORE', KEYS[1], '(0', upto, 'LIMIT', 0, count) end

for _, member in ipairs(oldest('(' .. text(nowMs), MOST_GONE)) do forget(member) end
local gone = 0
local function makeRoom(size)
  while bytes + size > limit and gone < MOST_GONE do
    local member = oldest('+inf', 1)[1]
    if not member then return end
    forget(member)
    redis.call('DEL', base .. string.match(member, '^%d+:(.*)$'))
    gone = gone + 1
  end
end

local answer = { 0 }
for i, key in ipairs(keys) do
  local value = ARGV[i + 1]
  local fixed = 2 * #key + beside
  -- Two gateways may have computed the same. A claim, of one byte, is not counted.
  local before = redis.call('STRLEN', base .. key)
  if before > 1 then forget((before + fixed) .. ':' .. key) end
  local size = #value + fixed
  if size <= limit then makeRoom(size) end
  local fits = bytes + size <= limit
  if fits then
    redis.call('SET', base .. key, value, 'PXAT', lapsesMs)
    bytes = bytes + size * redis.call('ZADD', KEYS[1], lapsesMs, size .. ':' .. key)
  else
    redis.call('DEL', base .. key)
  end
  answer[#answer + 1] = fits and 1 or 0
end

answer[1] = bytes
local newest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if bytes > 0 then
  redis.call('ZADD', KEYS[1], text(-bytes), '')
  redis.call('PEXPIREAT', KEYS[1], newest[2])
else
  redis.call('DEL', KEYS[1])
end
return answer
