-- Brings an active job back to its class, at its old place (`sc`). `death`: its worker ended while it ran; the third
-- death sets it aside. `counted` false: the delivery is as if it had not been (BullMQ's `ats` goes back).
local DEATHS_TO_QUARANTINE = 3
local function returnJob(base, settler, events, id, death, counted)
  local key = base .. id
  if redis.call('LREM', base .. 'active', -1, id) == 0 then return false end
  redis.call('DEL', key .. ':lock')
  local f = redis.call('HMGET', key, 'sc', 'priority', 'kd', 'gw', 'cx')
  if not f[2] then return false end
  redis.call('HDEL', key, 'pb', 'bt', 'processedOn', 'lp')
  if not counted then redis.call('HINCRBY', key, 'ats', -1) end
  if f[5] then
    settler.fail(id, f[3], f[4], 'cancelled: the job was cancelled', 'active')
    return true
  end
  if death and redis.call('HINCRBY', key, 'stc', 1) >= DEATHS_TO_QUARANTINE then
    settler.fail(id, f[3], f[4], 'poison: the job was running when three workers ended', 'active')
    return true
  end
  local class = tonumber(f[2])
  if class < 1 then class = NORMAL end
  redis.call('ZADD', base .. 'prioritized', f[1] or classScore(class, 0), id)
  events.step('event', 'waiting', 'jobId', id, 'prev', 'active')
  return true
end

-- Whether the batch was running when its worker was last heard of; the key is ",12,15,".
local function hasStarted(shard, token, batch)
  local running = batch and redis.call('GET', shard .. 'started:' .. token)
  return running and string.find(running, ',' .. batch .. ',', 1, true) ~= nil
end
