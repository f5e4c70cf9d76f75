-- How long a resting worker leaves the queue to others, in ms, or nil: until the first of a class has waited `restMs`, or
-- four fifths of the SLA of its class, and from then on everything may go: whoever should have taken it is behind. With
-- `whileTakenMs` also until nobody has taken anything for so long: then those that should are hung or dead.
local function restsFor(base, restMs, whileTakenMs, now)
  local soonest = nil
  for class = 1, 4 do
    local first = redis.call('ZRANGEBYSCORE', base .. 'prioritized', CLASS_MIN[class], CLASS_MAX[class], 'LIMIT', 0, 1)[1]
    if first then
      local queued = tonumber(redis.call('HGET', base .. first, 'q') or 0)
      local left = math.ceil(queued + math.min(restMs, 0.8 * CLASS_SLA[class]) - now)
      soonest = math.min(soonest or left, left)
    end
  end
  if soonest and whileTakenMs > 0 then
    -- A take pushes what it takes to the left.
    local newest = redis.call('LINDEX', base .. 'active', 0)
    local taken = newest and tonumber(redis.call('HGET', base .. newest, 'processedOn') or 0) or 0
    soonest = math.max(soonest, math.ceil(taken + whileTakenMs - now))
  end
  return soonest and soonest > 0 and soonest or nil
end

-- Rows that wait, as far as it takes to know that there are `enough`.
local function waitingRows(base, enough)
  local prioritized, sum = base .. 'prioritized', 0
  if redis.call('ZCARD', prioritized) >= enough then return enough end
  for _, id in ipairs(redis.call('ZRANGE', prioritized, 0, -1)) do
    sum = sum + tonumber(redis.call('HGET', base .. id, 'rw') or 1)
  end
  return sum
end
