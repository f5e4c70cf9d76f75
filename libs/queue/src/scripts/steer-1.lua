--[[
  One turn of the steering: takes or keeps the lease, and writes directives only while it is held, so that no two gateways
  steer at once. Absolute and idempotent: a turn may be lost or repeated.

  KEYS[1]  <shard>steering
  ARGV[1]  msgpack [shard, gateway, leaseMs, directiveMs, [worker, directive JSON, …] ]; leaseMs 0 gives the lease back
  Returns  the gateway that steers now, or ''
]]
local a = cmsgpack.unpack(ARGV[1])
local shard, gateway, leaseMs, directiveMs, directives = a[1], a[2], a[3], a[4], a[5]
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= gateway then return holder end
if leaseMs == 0 then
  redis.call('DEL', KEYS[1])
  return ''
end
redis.call('SET', KEYS[1], gateway, 'PX', leaseMs)
for i = 1, #directives, 2 do redis.call('SET', shard .. 'directive:' .. directives[i], directives[i + 1], 'PX', directiveMs) end
return gateway
