-- Milliseconds by Redis' own clock: the only clock that deadlines, locks and verdicts know.
local function clockMs()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Redis formats a Lua number as a floating-point one, which costs more than the command it goes to. A 32-bit Lua (the
-- bundled development server) cannot write our times as integers.
local WHOLE = string.format('%d', 4294967296) == '4294967296' and '%d' or '%.0f'
local function text(number)
  return string.format(WHOLE, number)
end
