--[[
  Cancels one job. Waiting: a durable one fails as `cancelled` and is kept, an attached one is gone. Running: it is
  marked, and its result is dropped.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, shard, id, events, replyBytes]
  Returns  'cancelled' | 'running' | 'terminal' | 'unknown'; the same again when asked again
]]
--- @include "includes/clock"
--- @include "includes/events"
--- @include "includes/replies"
--- @include "includes/settle"
local a = cmsgpack.unpack(ARGV[1])
local base, id = a[1], a[4]
local key = base .. id
local f = redis.call('HMGET', key, 'kd', 'gw', 'finishedOn', 'failedReason', 'pb', 'priority')
if not f[6] then return 'unknown' end
if f[3] then
  if f[4] and string.sub(f[4], 1, 9) == 'cancelled' then return 'cancelled' end
  return 'terminal'
end
if redis.call('ZREM', base .. 'prioritized', id) == 1 or redis.call('ZREM', base .. 'delayed', id) == 1
  or redis.call('LREM', base .. 'wait', 1, id) == 1 then
  local events = newEvents(base, a[5])
  local replies = newReplies(a[3], a[6])
  local settler = newSettler(base, a[2], replies, events, clockMs())
  settler.fail(id, f[1] or 'd', f[2], 'cancelled: the job was cancelled', 'waiting')
  settler.flush()
  replies.flush()
  return 'cancelled'
end
redis.call('HSET', key, 'cx', 1)
return 'running'
