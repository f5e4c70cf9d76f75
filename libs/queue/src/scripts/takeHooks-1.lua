--[[
  A turn of the webhooks. Ends of jobs that were told to the stream of the webhooks, as if that were a gateway that waits for
  them, become deliveries, each once. Deliveries that are due are given out, and for `leaseMs` to nobody else; of one host
  only so many as it has room for. The others of a slow host are put off, so that they do not stand before everybody else.

  KEYS[1]  <shard>reply:webhooks
  ARGV[1]  msgpack [shard, leaseMs, keepMs, most, perHost, hosts]
           hosts: [[host, calls that it has room for, ms to put off what it has none for, or 0], …]; others have perHost
  Returns  [left, [id, number, lease, record, delivery], …]: whether something that is due was left; the lease is what
           settleHook wants to see
]]
--- @include "includes/clock"
local a = cmsgpack.unpack(ARGV[1])
local MOST_ENDS, LOOKED_AT = 16, 512
local shard, leaseMs, keepMs, most, perHost = a[1], a[2], a[3], a[4], a[5]
local now, due, counted = clockMs(), a[1] .. 'hooks', 0

local function begin(head, atMs)
  local hook = shard .. 'hook:' .. head[1]
  if redis.call('EXISTS', hook) == 0 then return end
  local number = redis.call('HINCRBY', hook, 'n', 1)
  local delivery = cjson.encode({ outcome = head[2], text = head[3], atMs = atMs })
  redis.call('HSET', hook, 'd:' .. number, string.sub(delivery, 1, -2) .. ',"attempts":[]}')
  redis.call('PEXPIRE', hook, keepMs)
  redis.call('ZADD', due, text(now), head[1] .. ' ' .. number)
end
local ends = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', MOST_ENDS)
for _, entry in ipairs(ends) do
  local heads = cmsgpack.unpack(entry[2][2])
  for _, head in ipairs(heads) do begin(head, tonumber(string.match(entry[1], '^%d+'))) end
  redis.call('XDEL', KEYS[1], entry[1])
  counted = counted + 100 * #heads
end
if counted > 0 then redis.call('DECRBY', KEYS[1] .. ':bytes', counted) end

local room, putOff = {}, {}
for _, host in ipairs(a[6]) do room[host[1]], putOff[host[1]] = host[2], host[3] end
local given, lease = { #ends == MOST_ENDS and 1 or 0 }, text(now + leaseMs)
local function give(member)
  local id, number = string.match(member, '^(.+) (%d+)$')
  local f = redis.call('HMGET', shard .. 'hook:' .. id, 'r', 'd:' .. number, 'h')
  if not f[1] or not f[2] then return redis.call('ZREM', due, member) end
  local host = f[3] or ''
  room[host] = room[host] or perHost
  if room[host] > 0 and #given <= most then
    room[host] = room[host] - 1
    redis.call('ZADD', due, lease, member)
    given[#given + 1] = { id, number, lease, f[1], f[2] }
  elseif (putOff[host] or 0) > 0 then
    redis.call('ZADD', due, text(now + putOff[host]), member)
  else
    given[1] = 1
  end
end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', text(now), 'LIMIT', 0, LOOKED_AT)) do
  if #given > most then
    given[1] = 1
    break
  end
  give(member)
end
return given
