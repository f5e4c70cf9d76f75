--[[
  An incarnation of a worker is dead: marks it so and brings all it held in this queue back, found by owner (`pb`), not
  by lock. What was in a batch that had started counts a death. It is no longer listed among the workers.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, shard, token, events, replyBytes]
  Returns  how many jobs came back
]]
--- @include "includes/clock"
--- @include "includes/events"
--- @include "includes/replies"
--- @include "includes/classes"
--- @include "includes/settle"
--- @include "includes/return-job"
--- @include "includes/wake"
local a = cmsgpack.unpack(ARGV[1])
local base, shard, token = a[1], a[3], a[4]
local events = newEvents(base, a[5])
local replies = newReplies(shard, a[6])
local settler = newSettler(base, a[2], replies, events, clockMs())
redis.call('SET', shard .. 'dead:' .. token, 1, 'PX', 3600000)
local worker = string.match(token, '^(.*):[^:]*$') or token
if redis.call('HGET', shard .. 'worker:' .. worker, 'token') == token then
  redis.call('DEL', shard .. 'worker:' .. worker)
  redis.call('ZREM', shard .. 'workers', worker)
end
local count = 0
for _, id in ipairs(redis.call('LRANGE', base .. 'active', 0, -1)) do
  local f = redis.call('HMGET', base .. id, 'pb', 'bt')
  if f[1] == token then
    local started = hasStarted(shard, token, f[2])
    if returnJob(base, settler, events, id, started, true) then count = count + 1 end
  end
end
settler.flush()
replies.flush()
wake(base)
return count
