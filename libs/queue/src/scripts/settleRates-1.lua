--[[
  Takes what gateways have let through off the buckets of their keys, which fill at their rate: one bucket a key for the
  whole cluster. It may go below nothing, for each gateway decides by itself in between; then all of them wait until it has
  filled again. A full bucket is forgotten.

  KEYS[1]  <shard>keys (only for its slot)
  ARGV[1]  msgpack [shard, [id, rows a second, burst, rows used, …] ]
  Returns  the level of each bucket, in thousandths of a row
]]
local a = cmsgpack.unpack(ARGV[1])
local shard, asked = a[1], a[2]
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local levels = {}
for i = 1, #asked, 4 do
  local key, rate, burst, used = shard .. 'rate:' .. asked[i], asked[i + 1], asked[i + 2], asked[i + 3]
  local level = burst
  local kept = redis.call('GET', key)
  if kept then
    local was, atMs = string.match(kept, '^(%S+) (%d+)$')
    level = math.min(burst, tonumber(was) + math.max(0, nowMs - tonumber(atMs)) * rate / 1000)
  end
  level = math.max(level - used, -16 * burst)
  local fullMs = math.ceil((burst - level) * 1000 / rate)
  if fullMs > 0 then
    redis.call('SET', key, string.format('%.3f %d', level, nowMs), 'PX', math.min(fullMs + 1000, 86400000))
  else
    redis.call('DEL', key)
  end
  levels[#levels + 1] = math.floor(level * 1000)
end
return levels
