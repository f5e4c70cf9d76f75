--[[
  Active jobs whose lock has lapsed come back, at most 500 a call; in place of BullMQ's stalled checker. While the
  owner still beats, it gets ten seconds more to renew (Redis itself may have stood still), and no death is counted. What
  a dead owner still holds comes back at once: whoever declared it dead may have failed to release it.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, shard, events, replyBytes]
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
local base, shard = a[1], a[3]
local now = clockMs()
local events = newEvents(base, a[4])
local replies = newReplies(shard, a[5])
local settler = newSettler(base, a[2], replies, events, now)

local function ownerLives(token)
  local worker = string.match(token, '^(.*):[^:]*$')
  if not worker then return false end
  local f = redis.call('HMGET', shard .. 'worker:' .. worker, 'beat', 'token')
  return f[1] and f[2] == token and now - tonumber(f[1]) < 5000
end

local verdicts = {}
local function ownerIsDead(token)
  if token and verdicts[token] == nil then verdicts[token] = redis.call('EXISTS', shard .. 'dead:' .. token) == 1 end
  return token and verdicts[token]
end

local count = 0
for _, id in ipairs(redis.call('LRANGE', base .. 'active', -500, -1)) do
  local key = base .. id
  local owner = redis.call('GET', key .. ':lock')
  if not owner or ownerIsDead(owner) then
    local f = redis.call('HMGET', key, 'pb', 'bt', 'lp')
    if not f[1] and redis.call('EXISTS', key) == 0 then
      redis.call('LREM', base .. 'active', -1, id)
    elseif f[1] and not owner and ownerLives(f[1]) then
      if not f[3] then
        redis.call('HSET', key, 'lp', now)
      elseif now - tonumber(f[3]) > 10000 then
        if returnJob(base, settler, events, id, false, true) then count = count + 1 end
      end
    else
      local started = f[1] and hasStarted(shard, f[1], f[2])
      if returnJob(base, settler, events, id, started, true) then count = count + 1 end
    end
  end
end
if count > 0 then
  settler.flush()
  replies.flush()
  wake(base)
end
return count
