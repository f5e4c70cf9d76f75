-- Milliseconds by Redis' own clock: the only clock that deadlines, locks and verdicts know.
local function clockMs()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Redis formats a Lua number as a floating-point one, which costs more than the command it goes to.
local function text(number)
  return string.format('%d', number)
end
