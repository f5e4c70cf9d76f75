-- Kept results: by age and by bytes, the oldest first; each leaves a tombstone (410) for as long again.
-- `ob` in stats counts the bytes of outputs kept.
local function dropResults(base, extra, set, ids, now)
  local keys, stones, entries, freed = {}, {}, {}, 0
  for i, id in ipairs(ids) do
    keys[i] = base .. id
    freed = freed + redis.call('HSTRLEN', keys[i], 'out')
    local f = redis.call('HMGET', keys[i], 'tn', 'timestamp')
    entries[i] = indexMember(f[1], f[2] or '', id)
    stones[2 * i - 1], stones[2 * i] = now, id
  end
  redis.call('DEL', unpack(keys))
  redis.call('ZREM', base .. set, unpack(ids))
  redis.call('ZREM', extra .. 'jobs', unpack(entries))
  redis.call('ZADD', extra .. 'tombs', unpack(stones))
  if freed > 0 then redis.call('HINCRBY', extra .. 'stats', 'ob', -freed) end
end

-- Lets go at most `most` results that are older than ttlMs, then as many for the bytes over the limit.
local function trimResults(base, extra, now, ttlMs, maxBytes, most)
  local dropped = 0
  for _, set in ipairs({ 'completed', 'failed' }) do
    local old = redis.call('ZRANGEBYSCORE', base .. set, '-inf', now - ttlMs, 'LIMIT', 0, most)
    if #old > 0 then dropResults(base, extra, set, old, now) end
    dropped = dropped + #old
  end
  local kept = tonumber(redis.call('HGET', extra .. 'stats', 'ob') or 0)
  if kept > maxBytes then
    local oldest = redis.call('ZRANGE', base .. 'completed', 0, most - 1)
    local enough = {}
    for _, id in ipairs(oldest) do
      if kept <= maxBytes then break end
      kept = kept - redis.call('HSTRLEN', base .. id, 'out')
      enough[#enough + 1] = id
    end
    if #enough > 0 then dropResults(base, extra, 'completed', enough, now) end
    if #oldest == 0 then redis.call('HDEL', extra .. 'stats', 'ob') end
    dropped = dropped + #enough
  end
  return dropped
end
