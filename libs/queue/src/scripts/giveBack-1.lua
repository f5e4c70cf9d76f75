--[[
  Jobs that were taken but never started go back to their old places, as if they had not been delivered: the named ones
  of a batch, or all of one whose worker never heard what was in it. What has been taken again since is left alone. A
  take that nobody heard of may still lie in a socket: it finds a mark and takes nothing.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, shard, token, events, replyBytes, batch, ids]; ids: empty for the whole batch
  Returns  how many went back
]]
--- @include "includes/clock"
--- @include "includes/events"
--- @include "includes/replies"
--- @include "includes/classes"
--- @include "includes/settle"
--- @include "includes/return-job"
--- @include "includes/wake"
local a = cmsgpack.unpack(ARGV[1])
local base, token, batch, ids = a[1], a[4], text(a[7]), a[8]
local events = newEvents(base, a[5])
local replies = newReplies(a[3], a[6])
local settler = newSettler(base, a[2], replies, events, clockMs())
local count = 0
if #ids == 0 then
  ids = redis.call('LRANGE', base .. 'active', 0, -1)
  redis.call('SET', a[3] .. 'given:' .. token .. ':' .. batch, 1, 'PX', 60000)
end
for _, id in ipairs(ids) do
  local f = redis.call('HMGET', base .. id, 'pb', 'bt')
  if f[1] == token and f[2] == batch and returnJob(base, settler, events, id, false, false) then count = count + 1 end
end
settler.flush()
replies.flush()
wake(base)
return count
