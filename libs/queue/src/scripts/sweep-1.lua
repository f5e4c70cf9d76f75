--[[
  What time alone brings about in one queue, at most `most` jobs a call: durable jobs past their deadline expire (also
  in a paused queue and without workers), so do forgotten attached ones; results past retention leave a tombstone, and
  tombstones go in their turn; a lost marker is put back; a hundred entries of the index are looked at.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, shard, ttlMs, maxResultBytes, events, replyBytes, most]
  Returns  [expired, dropped results]
]]
--- @include "includes/clock"
--- @include "includes/events"
--- @include "includes/replies"
--- @include "includes/classes"
--- @include "includes/settle"
--- @include "includes/expire"
--- @include "includes/job-index"
--- @include "includes/results"
--- @include "includes/wake"
local a = cmsgpack.unpack(ARGV[1])
local base, extra, ttlMs, most = a[1], a[2], a[4], a[8]
local now = clockMs()
local events = newEvents(base, a[6])
local replies = newReplies(a[3], a[7])
local settler = newSettler(base, extra, replies, events, now)
local expired, settled = 0, {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', extra .. 'deadlines', '-inf', '(' .. now, 'LIMIT', 0, most)) do
  local f = redis.call('HMGET', base .. id, 'kd', 'gw', 'pb', 'finishedOn', 'priority')
  if not f[5] or f[4] then
    settled[#settled + 1] = id
  elseif not f[3] then
    if redis.call('ZREM', base .. 'prioritized', id) == 1 or redis.call('ZREM', base .. 'delayed', id) == 1
      or redis.call('LREM', base .. 'wait', 1, id) == 1 then
      settler.fail(id, f[1] or 'd', f[2], 'expired: the deadline passed before the job ran', 'waiting')
      expired = expired + 1
    else
      settled[#settled + 1] = id
    end
  end
end
if #settled > 0 then redis.call('ZREM', extra .. 'deadlines', unpack(settled)) end
expired = expired + expireHeads(base, settler, now, math.floor(most / 4))
settler.flush()
replies.flush()
local dropped = trimResults(base, extra, now, ttlMs, a[5], most)
redis.call('ZREMRANGEBYSCORE', extra .. 'tombs', '-inf', now - ttlMs)
sweepIndex(base, extra, 100)
if redis.call('EXISTS', base .. 'marker') == 0 then wake(base) end
return { expired, dropped }
