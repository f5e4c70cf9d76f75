-- BullMQ's events stream of the queue. Level 0 = none, 1 = the terminal states of durable jobs, 2 = every step of every
-- job, as BullMQ tells it. Each event costs as much as two or three of the commands around it.
local function newEvents(base, level)
  local key = base .. 'events'
  local maxLen = false
  local function emit(...)
    if not maxLen then maxLen = redis.call('HGET', base .. 'meta', 'opts.maxLenEvents') or '10000' end
    redis.call('XADD', key, 'MAXLEN', '~', maxLen, '*', ...)
  end
  return {
    step = function(...) if level >= 2 then emit(...) end end,
    terminal = function(kind, ...) if level >= 2 or (level == 1 and kind ~= 'a') then emit(...) end end,
  }
end
