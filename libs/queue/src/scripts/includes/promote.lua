-- What other tools left in `delayed`, once it is due, and in `wait` joins its class (BullMQ's priority 0 counts as normal).
local function joinClasses(base, ids, now, prev, events)
  local first = nextCounters(base, #ids)
  for i, id in ipairs(ids) do
    local key = base .. id
    local class = tonumber(redis.call('HGET', key, 'priority') or 0)
    if class < 1 then class = NORMAL end
    redis.call('ZADD', base .. 'prioritized', classScore(class, first + i - 1), id)
    redis.call('HSET', key, 'q', now, 'priority', class, 'delay', 0)
    if prev then events.step('event', 'waiting', 'jobId', id, 'prev', prev) end
  end
end
local function promote(base, now, events)
  local due = redis.call('ZRANGEBYSCORE', base .. 'delayed', 0, text((now + 1) * 4096 - 1), 'LIMIT', 0, 100)
  if #due > 0 then
    redis.call('ZREM', base .. 'delayed', unpack(due))
    joinClasses(base, due, now, 'delayed', events)
  end
  local others = redis.call('RPOP', base .. 'wait', 100)
  if others and #others > 0 then joinClasses(base, others, now, nil, events) end
end
