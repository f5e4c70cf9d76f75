--[[
  A worker's sign of life, once a second: writes its heartbeat, announces models that the registry lacks (what stands
  there may be of a worker that has a newer file), reads its directive and
  what was changed of its models' batching, and when everything idle was to be let go.

  KEYS[1]  <shard>workers
  ARGV[1]  msgpack [shard, worker, token, heartbeat JSON, ttlMs, models ]; models: [queue, model JSON, …]
  Returns  [nowMs, directive JSON or '', [queue, change JSON, …], clean-up or '' ], or [nowMs, 'dead'] when this incarnation was declared dead
]]
--- @include "includes/clock"
local a = cmsgpack.unpack(ARGV[1])
local shard, worker, token = a[1], a[2], a[3]
local now = clockMs()
if redis.call('EXISTS', shard .. 'dead:' .. token) == 1 then return { now, 'dead' } end
local key = shard .. 'worker:' .. worker
redis.call('HSET', key, 'beat', now, 'token', token, 'state', a[4])
redis.call('PEXPIRE', key, a[5])
redis.call('ZADD', KEYS[1], now, worker)
local changes = {}
for i = 1, #a[6], 2 do
  redis.call('HSETNX', shard .. 'queues', a[6][i], a[6][i + 1])
  local change = redis.call('HGET', shard .. 'batching', a[6][i])
  if change then
    changes[#changes + 1] = a[6][i]
    changes[#changes + 1] = change
  end
end
return { now, redis.call('GET', shard .. 'directive:' .. worker) or '', changes, redis.call('HGET', shard .. 'tuning', 'clean_up') or '' }
