--[[
  Stores up to 64 new jobs and puts each in its class.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, shard, sentMs, maxWaiting, events, replyBytes, version, jobs, limits]
           jobs: [[id, 'a' | 'd', priority, remainingMs, rows, group, gateway, tenant, signature, delayMs or 0, extras?], …],
           numbers but the two times as text
           extras: { trace: text } of any job; of durable ones also { claim: [key, record], tags: text, webhook: [record, host] }
           limits: [] or [total, critical, high, normal, low] jobs that may wait, 0 = no limit
           sentMs: the sender's estimate of Redis' clock when it sent the call
  ARGV[2…] the tensor blob of each job
  Returns  [nowMs, critical, high, normal, low, code, …]: jobs that wait now by class, then per job 0 added, 1 exists,
           2 full, 3 stale, 4 known (the claim is another job's), 5 too many claims are kept

  Each class may fill the queue only up to its share of maxWaiting, so that a flood of less urgent jobs leaves room for
  more urgent ones. A full queue first lets expired jobs go, ten times a second at most: refusing must stay cheap.

  A command that lay in a socket for over a second must not start a fresh deadline: all of it is stale.
]]
--- @include "includes/clock"
--- @include "includes/events"
--- @include "includes/replies"
--- @include "includes/classes"
--- @include "includes/settle"
--- @include "includes/expire"
--- @include "includes/claims"
--- @include "includes/job-index"
--- @include "includes/hooks"
local a = cmsgpack.unpack(ARGV[1])
local base, extra, maxWaiting, jobs = a[1], a[2], a[5], a[9]
local now = clockMs()
local answer = { now, -1, -1, -1, -1 }
local HEAD = #answer
if now - a[4] > 1000 then
  for i = 1, #jobs do answer[HEAD + i] = 3 end
  return answer
end

local events = newEvents(base, a[6])
local meta = redis.call('HMGET', KEYS[1], 'paused', 'concurrency', 'version')
if not meta[3] then redis.call('HSET', KEYS[1], 'version', a[8], 'opts.maxLenEvents', 10000) end

local prioritized = base .. 'prioritized'
local waiting = redis.call('ZCARD', prioritized) + redis.call('LLEN', base .. 'wait')
-- The model's own limits; counted only where there are any.
local limits, byClass = a[10], {}
local function countClasses()
  if #limits == 0 then return end
  for class = 1, 4 do byClass[class] = redis.call('ZCOUNT', prioritized, CLASS_MIN[class], CLASS_MAX[class]) end
end
countClasses()
-- Whether `more` jobs of the class would be too many.
local function beyond(class, more)
  if waiting + more - 1 >= maxWaiting * CLASS_SHARE[class] then return true end
  if #limits == 0 then return false end
  local own = limits[1 + class]
  return (limits[1] > 0 and waiting + more > limits[1]) or (own > 0 and byClass[class] + more > own)
end
local tight = false
for _, job in ipairs(jobs) do tight = tight or beyond(tonumber(job[3]), #jobs) end
if tight and redis.call('SET', extra .. 'expiring', 1, 'NX', 'PX', 100) then
  local replies = newReplies(a[3], a[7])
  local settler = newSettler(base, extra, replies, events, now)
  waiting = waiting - expireHeads(base, settler, now, 100)
  settler.flush()
  replies.flush()
  countClasses()
end

local claims = nil
local scores, deadlines, indexed = {}, {}, {}
local counter, nowText, deadlineText = nextCounters(base, #jobs), text(now), {}
for i, job in ipairs(jobs) do
  local id, kind, priority = job[1], job[2], job[3]
  local key, more = base .. id, job[11]
  local claim = more and more.claim
  if claim and not claims then claims = newClaims(a[3], now) end
  if redis.call('EXISTS', key) == 1 then
    answer[HEAD + i] = 1
  -- Before the limits: what is known is there, however full the queue is.
  elseif claim and claims.isKnown(claim) then
    answer[HEAD + i] = 4
  elseif beyond(tonumber(priority), 1) then
    answer[HEAD + i] = 2
  elseif claim and not claims.hasRoom() then
    answer[HEAD + i] = 5
  else
    waiting = waiting + 1
    if #limits > 0 then byClass[tonumber(priority)] = byClass[tonumber(priority)] + 1 end
    local deadline = deadlineText[job[4]]
    if not deadline then
      deadline = text(now + job[4])
      deadlineText[job[4]] = deadline
    end
    local fields = {
      'name', 'infer', 'data', '{"rows":' .. job[5] .. '}', 'opts', '{"attempts":1,"priority":' .. priority .. '}',
      'timestamp', nowText, 'delay', '0', 'priority', priority,
      'in', ARGV[i + 1], 'dl', deadline, 'q', nowText, 'rw', job[5], 'kd', kind, 'sg', job[9],
    }
    local n = #fields
    if job[6] ~= '-' then fields[n + 1], fields[n + 2], n = 'gr', job[6], n + 2 end
    if job[7] ~= '' then fields[n + 1], fields[n + 2], n = 'gw', job[7], n + 2 end
    if job[8] ~= '-' then fields[n + 1], fields[n + 2], n = 'tn', job[8], n + 2 end
    if job[10] > 0 then fields[n + 1], fields[n + 2] = 'dy', text(now + job[10]) end
    if more then
      n = #fields
      if more.trace then fields[n + 1], fields[n + 2], n = 'tr', more.trace, n + 2 end
      if more.tags then fields[n + 1], fields[n + 2], n = 'tg', more.tags, n + 2 end
      if more.webhook then
        fields[n + 1], fields[n + 2] = 'wh', '1'
        keepHook(a[3], id, more.webhook, job[4])
      end
    end
    redis.call('HSET', key, unpack(fields))
    if claim then claims.keep(claim) end
    scores[#scores + 1] = classScore(priority, counter + i - 1)
    scores[#scores + 1] = id
    if kind == 'd' then
      deadlines[#deadlines + 1] = deadline
      deadlines[#deadlines + 1] = id
      indexed[#indexed + 1] = 0
      indexed[#indexed + 1] = indexMember(job[8], nowText, id)
    end
    events.step('event', 'added', 'jobId', id, 'name', 'infer')
    events.step('event', 'waiting', 'jobId', id)
    answer[HEAD + i] = 0
  end
end
if #scores > 0 then
  redis.call('ZADD', prioritized, unpack(scores))
  local maxed = meta[2] and redis.call('LLEN', base .. 'active') >= tonumber(meta[2])
  if not meta[1] and not maxed then redis.call('ZADD', base .. 'marker', 0, '0') end
end
if #deadlines > 0 then
  redis.call('ZADD', extra .. 'deadlines', unpack(deadlines))
  redis.call('ZADD', extra .. 'jobs', unpack(indexed))
end
for class = 1, 4 do answer[1 + class] = redis.call('ZCOUNT', prioritized, CLASS_MIN[class], CLASS_MAX[class]) end
return answer
