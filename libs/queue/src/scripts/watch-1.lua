--[[
  Asks that a job's outcome also goes to this gateway, unless it has one already.

  KEYS[1]  the job's hash
  ARGV[1]  gateway
  Returns  1 when it will be told, 0 when the job is terminal or gone
]]
local f = redis.call('HMGET', KEYS[1], 'priority', 'finishedOn', 'gw')
if not f[1] or f[2] then return 0 end
for gateway in string.gmatch(f[3] or '', '[^,]+') do
  if gateway == ARGV[1] then return 1 end
end
redis.call('HSET', KEYS[1], 'gw', f[3] and (f[3] .. ',' .. ARGV[1]) or ARGV[1])
return 1
