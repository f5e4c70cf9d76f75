--[[
  Ends jobs with a result. Only the current owner's result counts: a job that was given to another is left alone.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, shard, token, ttlMs, maxResultBytes, inlineBytes, events, replyBytes, stats, jobs]
           stats: [field, increment, …] added to the queue's statistics; jobs: [[id, receipt], …]
  ARGV[2…] the output blob of each job
  Returns  [code, …], per job 0 finished, 1 lost (no longer ours), 2 cancelled (dropped, nobody waits)
]]
--- @include "includes/clock"
--- @include "includes/events"
--- @include "includes/replies"
--- @include "includes/settle"
--- @include "includes/job-index"
--- @include "includes/results"
local a = cmsgpack.unpack(ARGV[1])
local base, extra, token, inlineBytes, jobs = a[1], a[2], a[4], a[7], a[11]
local now = clockMs()
local events = newEvents(base, a[8])
local replies = newReplies(a[3], a[9])
local settler = newSettler(base, extra, replies, events, now)
local active = base .. 'active'
local answer, gone, completed, deadlines, kept, nowText = {}, {}, {}, {}, 0, text(now)
for i, job in ipairs(jobs) do
  local id, receipt, out = job[1], job[2], ARGV[i + 1]
  local key = base .. id
  local f = redis.call('HMGET', key, 'pb', 'kd', 'gw', 'cx', 'atm')
  if f[1] ~= token or redis.call('LREM', active, -1, id) == 0 then
    answer[i] = 1
  elseif f[4] then
    settler.fail(id, f[2], f[3], 'cancelled: the job was cancelled', 'active')
    answer[i] = 2
  else
    answer[i] = 0
    gone[#gone + 1] = key .. ':lock'
    if f[2] == 'a' then
      if #out > inlineBytes then
        redis.call('HSET', key, 'out', out)
        redis.call('HDEL', key, 'in')
        redis.call('PEXPIRE', key, 60000)
        replies.add(f[3], id, 's', receipt, nil)
      else
        gone[#gone + 1] = key
        replies.add(f[3], id, 's', receipt, out)
      end
    else
      redis.call('HSET', key, 'returnvalue', receipt, 'finishedOn', nowText, 'out', out, 'atm', text((f[5] or 0) + 1))
      redis.call('HDEL', key, 'in', 'dl', 'q', 'gw')
      completed[#completed + 1] = nowText
      completed[#completed + 1] = id
      deadlines[#deadlines + 1] = id
      kept = kept + #out
      replies.add(f[3], id, 's', receipt, nil)
    end
    events.terminal(f[2], 'event', 'completed', 'jobId', id, 'returnvalue', receipt, 'prev', 'active')
  end
end
if #completed > 0 then
  redis.call('ZADD', base .. 'completed', unpack(completed))
  redis.call('ZREM', extra .. 'deadlines', unpack(deadlines))
  if kept > 0 then redis.call('HINCRBY', extra .. 'stats', 'ob', kept) end
  -- More than this call adds, or what is kept would grow for ever.
  trimResults(base, extra, now, a[5], a[6], 128)
end
if #gone > 0 then redis.call('DEL', unpack(gone)) end
settler.flush()
replies.flush()
local stats = a[10]
if #stats > 0 then
  for i = 1, #stats, 2 do redis.call('HINCRBY', extra .. 'stats', stats[i], stats[i + 1]) end
  redis.call('HSET', extra .. 'stats', 'last', nowText)
end
return answer
