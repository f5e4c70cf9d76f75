-- BullMQ's marker: a blocked worker pops it with BZPOPMIN. Whoever leaves something waiting puts it (back), never in a
-- paused or full queue; where only delayed jobs are left it carries the time of the first.
local function wake(base)
  local meta = redis.call('HMGET', base .. 'meta', 'paused', 'concurrency')
  if meta[1] then return end
  if meta[2] and redis.call('LLEN', base .. 'active') >= tonumber(meta[2]) then return end
  if redis.call('ZCARD', base .. 'prioritized') > 0 or redis.call('LLEN', base .. 'wait') > 0 then
    redis.call('ZADD', base .. 'marker', 0, '0')
  else
    local first = redis.call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
    if first[2] then redis.call('ZADD', base .. 'marker', math.floor(first[2] / 4096), '1') end
  end
end
