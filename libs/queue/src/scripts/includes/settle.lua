-- Ends jobs without a result. A durable one goes to BullMQ's failed set and keeps its input until retention; an
-- attached one is gone. `reason` is "code: message". The caller has taken the job out of whatever set it was in.
local function newSettler(base, extra, replies, events, now)
  local failed, deadlines, gone, expired, nowText = {}, {}, {}, 0, text(now)
  local function fail(id, kind, gateways, reason, prev)
    local key = base .. id
    if kind == 'a' then
      gone[#gone + 1] = key
    else
      redis.call('HSET', key, 'failedReason', reason, 'finishedOn', nowText)
      redis.call('HDEL', key, 'dl', 'q', 'defa', 'gw')
      failed[#failed + 1] = nowText
      failed[#failed + 1] = id
      deadlines[#deadlines + 1] = id
    end
    gone[#gone + 1] = key .. ':lock'
    if string.sub(reason, 1, 8) == 'expired:' then expired = expired + 1 end
    replies.add(gateways, id, 'f', reason, nil)
    events.terminal(kind, 'event', 'failed', 'jobId', id, 'failedReason', reason, 'prev', prev)
  end
  local function flush()
    if #failed > 0 then redis.call('ZADD', base .. 'failed', unpack(failed)) end
    if #deadlines > 0 then redis.call('ZREM', extra .. 'deadlines', unpack(deadlines)) end
    if #gone > 0 then redis.call('DEL', unpack(gone)) end
    if expired > 0 then redis.call('HINCRBY', extra .. 'stats', 'exp', expired) end
  end
  return { fail = fail, flush = flush }
end
