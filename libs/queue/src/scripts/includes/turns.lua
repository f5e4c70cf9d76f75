-- Turns, where a strategy asks for them: `<extra>turns` holds for each worker the rows it has taken over its weight. Who is
-- ahead of the one that has least leaves young jobs to it. A turn that was waited for in vain is lost: that worker leaves
-- the ring, and when it is back it begins level with the least; so nobody waits again and again for one that is gone.
local TURN_SLACK, TURNS_TTL_MS = 1, 10000
local function newTurns(extra, turn)
  if #turn == 0 then return { waitMs = 0, took = function() end } end
  local key, worker, weight = extra .. 'turns', turn[1], turn[2]
  local least = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  local lowest = tonumber(least[2] or 0)
  local own = tonumber(redis.call('ZSCORE', key, worker) or lowest)
  local ahead = own - lowest > TURN_SLACK
  local function set(taken)
    redis.call('ZADD', key, string.format('%.17g', taken), worker)
    redis.call('PEXPIRE', key, TURNS_TTL_MS)
  end
  set(own)
  local function took(rows)
    if rows == 0 then return end
    if ahead then redis.call('ZREM', key, least[1]) end
    set(own + rows / weight)
  end
  return { waitMs = ahead and turn[3] or 0, took = took }
end

-- An equal share among so many workers of the jobs that wait and run.
local SHARE_AGAIN_MS = 5
local function equalShare(base, workers)
  local jobs = redis.call('ZCARD', base .. 'prioritized') + redis.call('LLEN', base .. 'active')
  return math.ceil(jobs / workers)
end
