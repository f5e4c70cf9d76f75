--[[
  Takes waiting jobs out of the queue, at most `most` a call, the most urgent and oldest first, then the delayed ones.
  Whoever waits for one is told; a durable one fails as `removed` and keeps its input until retention.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, shard, events, replyBytes, most]
  Returns  how many
]]
--- @include "includes/clock"
--- @include "includes/events"
--- @include "includes/replies"
--- @include "includes/settle"
local a = cmsgpack.unpack(ARGV[1])
local base, most = a[1], a[6]
local events = newEvents(base, a[4])
local replies = newReplies(a[3], a[5])
local settler = newSettler(base, a[2], replies, events, clockMs())
local drained = 0
local function settle(ids)
  for _, id in ipairs(ids) do
    local f = redis.call('HMGET', base .. id, 'kd', 'gw')
    settler.fail(id, f[1] or 'd', f[2], 'removed: the queue was drained', 'waiting')
  end
  drained = drained + #ids
end
for _, set in ipairs({ 'prioritized', 'delayed' }) do
  local ids = redis.call('ZRANGE', base .. set, 0, most - drained - 1)
  if drained < most and #ids > 0 then
    redis.call('ZREM', base .. set, unpack(ids))
    settle(ids)
  end
end
if drained < most then
  local ids = redis.call('LRANGE', base .. 'wait', 0, most - drained - 1)
  redis.call('LTRIM', base .. 'wait', #ids, -1)
  settle(ids)
end
settler.flush()
replies.flush()
return drained
