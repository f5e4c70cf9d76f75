--[[
  Jobs that were taken but never started go back to their old places, as if they had not been delivered.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, shard, token, events, replyBytes, ids]
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
local base, token = a[1], a[4]
local events = newEvents(base, a[5])
local replies = newReplies(a[3], a[6])
local settler = newSettler(base, a[2], replies, events, clockMs())
local count = 0
for _, id in ipairs(a[7]) do
  if redis.call('HGET', base .. id, 'pb') == token and returnJob(base, settler, events, id, false, false) then
    count = count + 1
  end
end
settler.flush()
replies.flush()
wake(base)
return count
