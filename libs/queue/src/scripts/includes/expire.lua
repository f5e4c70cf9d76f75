-- Lets waiting jobs go whose deadline has passed: looks at the `most` oldest of each class. Returns how many went.
local function expireHeads(base, settler, now, most)
  local removed = {}
  for class = 1, 4 do
    local ids = redis.call('ZRANGEBYSCORE', base .. 'prioritized', CLASS_MIN[class], CLASS_MAX[class], 'LIMIT', 0, most)
    for _, id in ipairs(ids) do
      local f = redis.call('HMGET', base .. id, 'dl', 'kd', 'gw')
      if f[1] and tonumber(f[1]) < now then
        removed[#removed + 1] = id
        settler.fail(id, f[2], f[3], 'expired: the deadline passed before the job ran', 'waiting')
      end
    end
  end
  if #removed > 0 then redis.call('ZREM', base .. 'prioritized', unpack(removed)) end
  return #removed
end
