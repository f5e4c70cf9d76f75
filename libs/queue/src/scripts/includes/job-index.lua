-- The index of a queue's durable jobs: `<extra>jobs`, a sorted set of equal scores, so that it is in the order of its members
-- `<tenant> <when it was submitted> <id>`. A job that is removed by its retention leaves it in the same call.
local function indexMember(tenant, submitted, id)
  return (tenant or '-') .. ' ' .. submitted .. ' ' .. id
end

-- Jobs that other tools removed leave it too: so many a call are looked at, from where the last call stopped.
local function sweepIndex(base, extra, most)
  local index, place = extra .. 'jobs', extra .. 'jobs-swept'
  local from = redis.call('GET', place)
  local seen = redis.call('ZRANGEBYLEX', index, from and '(' .. from or '-', '+', 'LIMIT', 0, most)
  local gone = {}
  for _, member in ipairs(seen) do
    if redis.call('EXISTS', base .. string.match(member, '[^ ]+$')) == 0 then gone[#gone + 1] = member end
  end
  if #gone > 0 then redis.call('ZREM', index, unpack(gone)) end
  if #seen == most then redis.call('SET', place, seen[most])
  elseif from then redis.call('DEL', place) end
end
