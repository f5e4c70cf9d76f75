-- Idempotency keys: `<shard>idem:<key>` holds what the first submit with the key was, for a day; only one job is ever stored for it.
-- How many there are is counted by the hour that they began in, so that counting them reads a few fields.
local CLAIM_MS, HOUR_MS, MOST_CLAIMS = 86400000, 3600000, 1000000
local function newClaims(shard, now)
  local counts, hour = shard .. 'idem-counts', math.floor(now / HOUR_MS)
  local function isKnown(claim) return redis.call('EXISTS', shard .. 'idem:' .. claim[1]) == 1 end
  local function hasRoom()
    local sum, found = 0, redis.call('HGETALL', counts)
    for i = 1, #found, 2 do
      if hour - tonumber(found[i]) > 24 then redis.call('HDEL', counts, found[i])
      else sum = sum + tonumber(found[i + 1]) end
    end
    return sum < MOST_CLAIMS
  end
  local function keep(claim)
    redis.call('SET', shard .. 'idem:' .. claim[1], claim[2], 'PX', CLAIM_MS)
    redis.call('HINCRBY', counts, text(hour), 1)
    redis.call('PEXPIRE', counts, CLAIM_MS + 2 * HOUR_MS)
  end
  return { isKnown = isKnown, hasRoom = hasRoom, keep = keep }
end
