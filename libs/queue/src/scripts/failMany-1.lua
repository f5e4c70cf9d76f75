--[[
  Ends jobs without a result, or gives them another try after a while (BullMQ's delayed set) where they have attempts
  left. A durable job that failed keeps its input until retention.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, shard, token, events, replyBytes, jobs]
           jobs: [[id, 'code: message', retryInMs or -1], …]
  Returns  [code, …], per job 0 failed, 1 lost, 2 will be tried again
]]
--- @include "includes/clock"
--- @include "includes/events"
--- @include "includes/replies"
--- @include "includes/settle"
--- @include "includes/wake"
local a = cmsgpack.unpack(ARGV[1])
local base, extra, token, jobs = a[1], a[2], a[4], a[7]
local now = clockMs()
local events = newEvents(base, a[5])
local replies = newReplies(a[3], a[6])
local settler = newSettler(base, extra, replies, events, now)
local answer, ended, spentMs = {}, 0, 0
for i, job in ipairs(jobs) do
  local id, reason, retryInMs = job[1], job[2], job[3]
  local key = base .. id
  local f = redis.call('HMGET', key, 'pb', 'kd', 'gw', 'atm', 'opts', 'q')
  if f[1] ~= token or redis.call('LREM', base .. 'active', -1, id) == 0 then
    answer[i] = 1
  else
    local made = tonumber(f[4] or 0) + 1
    local attempts = 1
    if retryInMs >= 0 then attempts = cjson.decode(f[5] or '{}').attempts or 1 end
    redis.call('HSET', key, 'atm', made)
    redis.call('HDEL', key, 'pb', 'bt', 'lp')
    if retryInMs >= 0 and made < attempts then
      redis.call('DEL', key .. ':lock')
      redis.call('HSET', key, 'delay', retryInMs, 'failedReason', reason)
      redis.call('HDEL', key, 'processedOn')
      redis.call('ZADD', base .. 'delayed', text((now + retryInMs) * 4096), id)
      events.step('event', 'delayed', 'jobId', id, 'delay', now + retryInMs)
      answer[i] = 2
    else
      settler.fail(id, f[2], f[3], reason, 'active')
      ended = ended + 1
      spentMs = spentMs + math.max(0, now - (tonumber(f[6]) or now))
      answer[i] = 0
    end
  end
end
settler.flush()
replies.flush()
if ended > 0 then
  redis.call('HINCRBY', extra .. 'stats', 'fail', ended)
  redis.call('HINCRBY', extra .. 'stats', 'fail_ns', text(spentMs * 1000000))
end
wake(base)
return answer
