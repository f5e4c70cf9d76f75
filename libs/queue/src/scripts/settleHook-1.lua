--[[
  What became of an attempt to deliver: it is written down, and the delivery is due again or over. Only whoever holds its
  lease may say so.

  KEYS[1]  <shard>hooks
  ARGV[1]  msgpack [shard, id, number, lease, delivery, againInMs or -1, keepMs]
  Returns  1, or 0 when the lease is another's
]]
--- @include "includes/clock"
local a = cmsgpack.unpack(ARGV[1])
local hook, member = a[1] .. 'hook:' .. a[2], a[2] .. ' ' .. a[3]
if redis.call('ZSCORE', KEYS[1], member) ~= a[4] then return 0 end
redis.call('HSET', hook, 'd:' .. a[3], a[5])
redis.call('PEXPIRE', hook, a[7])
if a[6] < 0 then redis.call('ZREM', KEYS[1], member)
else redis.call('ZADD', KEYS[1], text(clockMs() + a[6]), member) end
return 1
