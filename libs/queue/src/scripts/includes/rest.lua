-- Rows that wait, as far as it takes to know that there are `enough`.
local function waitingRows(base, enough)
  local prioritized, sum = base .. 'prioritized', 0
  if redis.call('ZCARD', prioritized) >= enough then return enough end
  for _, id in ipairs(redis.call('ZRANGE', prioritized, 0, -1)) do
    sum = sum + tonumber(redis.call('HGET', base .. id, 'rw') or 1)
  end
  return sum
end

-- Of how long a full batch runs, after so much it is looked again whether there are rows enough, but not more often.
local LOOK_AGAIN, LEAST_AGAIN_MS = 0.25, 5

-- How long a resting worker leaves the queue to others, in ms, or nil: until the first of a class has waited `rest.ms`, or
-- four fifths of the SLA of its class, and from then on everything may go: whoever should have taken it is behind. Nor is
-- there anything to leave where `rest.rows` wait, if that is above 0: others have enough then. With `rest.whileTakenMs`
-- also until nobody has taken anything for so long: then those that should are hung or dead.
local function restsFor(base, rest, now)
  local soonest = nil
  for class = 1, 4 do
    local first = redis.call('ZRANGEBYSCORE', base .. 'prioritized', CLASS_MIN[class], CLASS_MAX[class], 'LIMIT', 0, 1)[1]
    if first then
      local queued = tonumber(redis.call('HGET', base .. first, 'q') or 0)
      local left = math.ceil(queued + math.min(rest.ms, 0.8 * CLASS_SLA[class]) - now)
      soonest = math.min(soonest or left, left)
    end
  end
  if soonest and rest.whileTakenMs > 0 then
    -- A take pushes what it takes to the left.
    local newest = redis.call('LINDEX', base .. 'active', 0)
    local taken = newest and tonumber(redis.call('HGET', base .. newest, 'processedOn') or 0) or 0
    soonest = math.max(soonest, math.ceil(taken + rest.whileTakenMs - now))
  end
  if soonest and soonest > 0 and rest.rows > 0 then
    local waiting = waitingRows(base, rest.rows)
    if waiting >= rest.rows then return nil end
    if 2 * waiting >= rest.rows then
      soonest = math.min(soonest, math.max(LEAST_AGAIN_MS, math.ceil(LOOK_AGAIN * rest.fullMs)))
    end
  end
  return soonest and soonest > 0 and soonest or nil
end
