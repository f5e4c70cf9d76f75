-- The webhook of a job: `<shard>hook:<id>` keeps where it goes, apart from the job, as it may be told long after the job was
-- let go. Ends of jobs are told by the stream of a gateway that is none; replies go only to streams that are there, so it is
-- made here.
local HOOK_MS = 172800000
local function keepHook(shard, id, webhook, remainingMs)
  local hook, stream = shard .. 'hook:' .. id, shard .. 'reply:webhooks'
  redis.call('HSET', hook, 'r', webhook[1], 'h', webhook[2])
  redis.call('PEXPIRE', hook, text(remainingMs + HOOK_MS))
  if redis.call('EXISTS', stream) == 0 then redis.call('XADD', stream, '*', 'h', cmsgpack.pack({})) end
end
