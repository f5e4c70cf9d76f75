--[[
  Appends a sample of the cluster, if its writer steers: so that the hour has one history though a gateway that was
  stopped for a while still believes that it does.

  KEYS[1]  <shard>steering
  ARGV[1]  msgpack [shard, gateway, kept, sample as packed text]
  Returns  1, or 0 when another gateway steers, or none
]]
local a = cmsgpack.unpack(ARGV[1])
if redis.call('GET', KEYS[1]) ~= a[2] then return 0 end
redis.call('XADD', a[1] .. 'samples', 'MAXLEN', a[3], '*', 's', a[4])
return 1
