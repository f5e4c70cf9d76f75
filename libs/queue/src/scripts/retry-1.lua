--[[
  Puts a durable job that failed or expired into its class once more, behind those that wait, with its input and a new
  deadline, and no longer as one that was delayed; a cancelled one is left as it is. Of the deaths it has seen one is
  remembered: it is delivered alone. Its webhook is told again.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, id, remainingMs, maxWaiting, signature, events]
           signature: of the model that the input fits now; '' leaves the job's own
  Returns  'retried' | 'conflict' (not failed) | 'gone' (its input is no longer kept) | 'full' | 'unknown'
]]
--- @include "includes/clock"
--- @include "includes/events"
--- @include "includes/classes"
--- @include "includes/wake"
local a = cmsgpack.unpack(ARGV[1])
local base, extra, id, remainingMs, maxWaiting, signature = a[1], a[2], a[3], a[4], a[5], a[6]
local key = base .. id
local f = redis.call('HMGET', key, 'priority', 'finishedOn', 'failedReason', 'kd', 'sg', 'stc', 'wh')
if not f[1] or f[4] == 'a' then return 'unknown' end
if not f[2] or not f[3] or string.sub(f[3], 1, 10) == 'cancelled:' then return 'conflict' end
-- A job of another tool carries its input in `data`, and no signature.
if f[5] and redis.call('HEXISTS', key, 'in') == 0 then return 'gone' end
local class = tonumber(f[1])
if class < 1 or class > 4 then class = NORMAL end
local waiting = redis.call('ZCARD', base .. 'prioritized') + redis.call('LLEN', base .. 'wait')
if waiting >= maxWaiting * CLASS_SHARE[class] then return 'full' end
if redis.call('ZREM', base .. 'failed', id) == 0 then return 'conflict' end

local now = clockMs()
local deadline = text(now + remainingMs)
redis.call('HDEL', key, 'finishedOn', 'processedOn', 'failedReason', 'stacktrace', 'pb', 'bt', 'lp', 'cx', 'gw', 'defa', 'dy')
redis.call('HSET', key, 'dl', deadline, 'q', text(now), 'kd', 'd', 'delay', '0', 'priority', class)
if f[7] then redis.call('HSET', key, 'gw', 'webhooks') end
if signature ~= '' then redis.call('HSET', key, 'sg', signature) end
if tonumber(f[6] or 0) > 1 then redis.call('HSET', key, 'stc', '1') end
redis.call('ZADD', base .. 'prioritized', classScore(class, nextCounters(base, 1)), id)
redis.call('ZADD', extra .. 'deadlines', deadline, id)
newEvents(base, a[7]).step('event', 'waiting', 'jobId', id, 'prev', 'failed')
wake(base)
return 'retried'
