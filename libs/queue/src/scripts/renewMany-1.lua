--[[
  Extends the locks of jobs that this worker holds; a lock that lapsed meanwhile is set again while the job is ours.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, token, lockMs, ids]
  Returns  the ids that are no longer ours
]]
local a = cmsgpack.unpack(ARGV[1])
local base, token, lockMs = a[1], a[2], a[3]
local lost = {}
for _, id in ipairs(a[4]) do
  local key = base .. id
  if redis.call('HGET', key, 'pb') == token then
    redis.call('SET', key .. ':lock', token, 'PX', lockMs)
  else
    lost[#lost + 1] = id
  end
end
return lost
