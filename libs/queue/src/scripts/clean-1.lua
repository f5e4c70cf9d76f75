--[[
  Forgets ended jobs that are older than an age, at most `most` a call, the oldest first; each leaves a tombstone.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, set, olderThanMs, most]    set: 'completed' or 'failed'
  Returns  how many
]]
--- @include "includes/clock"
--- @include "includes/job-index"
--- @include "includes/results"
local a = cmsgpack.unpack(ARGV[1])
local base, extra, set = a[1], a[2], a[3]
local now = clockMs()
local old = redis.call('ZRANGEBYSCORE', base .. set, '-inf', text(now - a[4]), 'LIMIT', 0, a[5])
if #old > 0 then dropResults(base, extra, set, old, now) end
return #old
