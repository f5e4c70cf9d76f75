--[[
  The verdict on a silent worker, by Redis' clock: when its last beat is older than silenceMs its incarnation is dead.

  KEYS[1]  <shard>workers
  ARGV[1]  msgpack [shard, worker, silenceMs]
  Returns  the token of the dead incarnation, or '' while it lives or is not known
]]
--- @include "includes/clock"
local a = cmsgpack.unpack(ARGV[1])
local shard, worker = a[1], a[2]
local f = redis.call('HMGET', shard .. 'worker:' .. worker, 'beat', 'token')
if f[1] and clockMs() - tonumber(f[1]) <= a[3] then return '' end
redis.call('ZREM', KEYS[1], worker)
redis.call('DEL', shard .. 'worker:' .. worker)
if not f[2] then return '' end
redis.call('SET', shard .. 'dead:' .. f[2], 1, 'PX', 3600000)
return f[2]
