--[[
  A worker's sign of life in one more shard of a cluster, for what is decided there by that shard's own clock; what it
  tells of itself lies in shard 0 only.

  KEYS[1]  <shard>worker:<worker>
  ARGV[1]  msgpack [shard, token, ttlMs]
  Returns  1, or 0 when this incarnation was declared dead
]]
--- @include "includes/clock"
local a = cmsgpack.unpack(ARGV[1])
if redis.call('EXISTS', a[1] .. 'dead:' .. a[2]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'beat', text(clockMs()), 'token', a[2])
redis.call('PEXPIRE', KEYS[1], a[3])
return 1
