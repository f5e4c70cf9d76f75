-- BullMQ's events stream of the queue. Level 0 = none, 1 = terminal states, 2 = every step as BullMQ tells it.
local function newEvents(base, level)
  local key = base .. 'events'
  local maxLen = false
  local function emit(...)
    if not maxLen then maxLen = redis.call('HGET', base .. 'meta', 'opts.maxLenEvents') or '10000' end
    redis.call('XADD', key, 'MAXLEN', '~', maxLen, '*', ...)
  end
  return {
    step = function(...) if level >= 2 then emit(...) end end,
    terminal = function(...) if level >= 1 then emit(...) end end,
  }
end
