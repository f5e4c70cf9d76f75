--[[
  Adds or removes one API key, if nothing has changed since its writer looked: what is checked of all keys before (one of
  them must be an administrator's) then still holds. The version is how gateways notice, each second.

  KEYS[1]  <shard>keys
  ARGV[1]  msgpack [seen version or '', new version, id, key JSON or '' to remove it, most keys]
  Returns  changed, moved (somebody else was quicker), full or unknown
]]
local a = cmsgpack.unpack(ARGV[1])
local key = KEYS[1]
if (redis.call('HGET', key, 'version') or '') ~= a[1] then return 'moved' end
local known = redis.call('HEXISTS', key, a[3]) == 1
if a[4] == '' then
  if not known then return 'unknown' end
  redis.call('HDEL', key, a[3])
else
  if not known and redis.call('HLEN', key) > a[5] then return 'full' end
  redis.call('HSET', key, a[3], a[4])
end
redis.call('HSET', key, 'version', a[2])
return 'changed'
