--[[
  Takes up to maxRows rows of one shape group for one batch, in the order of the classes:
  first the credit of the classes that more urgent ones crowd out (per take, high gains a tenth of maxRows while critical
  waits, normal and low a sixteenth each while critical or high wait), then critical, then high, then normal and low by
  virtual deadline min(dl, q + SLA); first in, first out within a class; a job whose `dy` has passed goes behind all
  others of its class. What expired, was cancelled or failed before it could run is let go on the way; while more waits
  than fits, so is a job that somebody waits for only until a moment before the end of a full batch. How long each
  waited is counted against the SLA of its class.

  KEYS[1]  <base>meta
  ARGV[1]  msgpack [base, extra, shard, token, batch, maxRows, lockMs, minRows, lingerMs, restMs, events, replyBytes,
                    maxJobs, maxBytes, defaultTimeoutMs, preferredRows, spareMs, fullMs, sentMs, turn, share,
                    restWhileTakenMs, traces, restRows]
           fullMs: how long a full batch runs; sentMs: the sender's estimate of Redis' clock when it sent the call;
           turn: [worker, weight, waitMs] or []; share: [workers, jobs that the sender holds] or []; traces: 1 = tell of them
  Returns  [kind, nowMs, …]: ['nothing' | 'paused', now], ['later', now, inMs, filling or nil], ['dead', now], or
           ['jobs', now, waiting, heads, input, …]; heads: msgpack [[id, kind, priority, dl, q, rows, group, signature,
           deaths, data or '', place in a trace or ''], …], input: the blob of each, '' where another tool added the job

  A take that lay in a socket for over a second, or whose batch was given back meanwhile, takes nothing: nobody listens
  for its answer any more, and what it locked would stay locked. It answers 'later', so that a living sender asks again.
]]
--- @include "includes/clock"
--- @include "includes/events"
--- @include "includes/replies"
--- @include "includes/classes"
--- @include "includes/settle"
--- @include "includes/wake"
--- @include "includes/rest"
--- @include "includes/promote"
--- @include "includes/turns"
local a = cmsgpack.unpack(ARGV[1])
local base, extra, shard, token, batch = a[1], a[2], a[3], a[4], a[5]
local maxRows, lockMs, minRows, lingerMs, restMs = a[6], a[7], a[8], a[9], a[10]
local maxJobs, maxBytes, defaultTimeoutMs, preferred, spareMs = a[13], a[14], a[15], a[16], a[17]
local prioritized, active = base .. 'prioritized', base .. 'active'
local now = clockMs()
if redis.call('EXISTS', shard .. 'dead:' .. token) == 1 then return { 'dead', now } end
local given = redis.call('EXISTS', shard .. 'given:' .. token .. ':' .. text(batch)) == 1
if given or now - a[19] > 1000 then return { 'later', now, 0 } end
local meta = redis.call('HMGET', KEYS[1], 'paused', 'concurrency')
if meta[1] then return { 'paused', now } end
if meta[2] then
  maxJobs = math.min(maxJobs, tonumber(meta[2]) - redis.call('LLEN', active))
  if maxJobs <= 0 then return { 'nothing', now } end
end
local events = newEvents(base, a[11])
local replies = newReplies(shard, a[12])
local settler = newSettler(base, extra, replies, events, now)

promote(base, now, events)
local turns = newTurns(extra, a[20])
restMs = math.max(restMs, turns.waitMs)
local rest = restMs > 0 and restsFor(base, { ms = restMs, whileTakenMs = a[22], rows = a[24], fullMs = a[18] }, now)
if rest then wake(base) return { 'later', now, rest } end
if #a[21] > 0 and redis.call('ZCARD', prioritized) > 0 then
  maxJobs = math.min(maxJobs, equalShare(base, a[21][1]) - a[21][2])
  if maxJobs <= 0 then wake(base) return { 'later', now, SHARE_AGAIN_MS } end
end

local picked, removed, rows, bytes = {}, {}, 0, 0
local delayed = {}
local group, youngest, mixed = nil, nil, false
local looked, cut = 0, false
-- Whose caller is gone before a full batch ends would take the place of one who is not.
local ends = now
if redis.call('ZCARD', prioritized) > maxRows then ends = now + a[18] end

-- The next job of a class that may run: a cursor over the class that reads its entries one at a time.
local function newCursor(class)
  local ids, at, offset, seen, finished, entry = {}, 1, 0, 0, false, nil
  -- Behind all others: offered when nothing else of the class is left.
  local behind, exhausted = {}, false
  local function read(id, score)
    local f = redis.call('HMGET', base .. id, 'dl', 'q', 'kd', 'rw', 'gr', 'sg', 'stc', 'cx', 'gw', 'defa', 'ats', 'priority',
      mixed and 'priority' or 'in', 'dy')
    local e = { id = id, score = score, kind = f[3] or 'd', rows = tonumber(f[4] or 1), group = f[5] or '-', signature = f[6] or '',
      deaths = tonumber(f[7] or 0), gateways = f[9], ats = tonumber(f[11] or 0), class = class, input = not mixed and f[13] }
    if not f[12] then
      removed[#removed + 1] = id
      return nil
    end
    local reason = (f[8] and 'cancelled: the job was cancelled') or (f[10] and ('poison: ' .. f[10]))
      or (f[1] and tonumber(f[1]) < now and 'expired: the deadline passed before the job ran')
      or (f[1] and f[3] == 'a' and tonumber(f[1]) < ends and 'expired: the deadline would pass before the job has run')
    if reason then
      removed[#removed + 1] = id
      settler.fail(id, e.kind, e.gateways, reason, 'waiting')
      return nil
    end
    e.q = tonumber(f[2] or now)
    e.fresh = not f[1]
    e.dl = tonumber(f[1] or now + defaultTimeoutMs)
    e.due = math.min(e.dl, e.q + CLASS_SLA[class])
    e.late = f[14] and tonumber(f[14]) < now
    return e
  end
  local function refill()
    local n = math.min(maxRows, 4 * maxRows - seen)
    if n <= 0 or exhausted then return false end
    ids = redis.call('ZRANGEBYSCORE', prioritized, CLASS_MIN[class], CLASS_MAX[class], 'WITHSCORES', 'LIMIT', offset, n)
    offset, seen, at = offset + #ids / 2, seen + #ids / 2, 1
    exhausted = #ids == 0
    return not exhausted
  end
  local cursor = {}
  function cursor.peek()
    while not entry and not finished do
      local e
      if at <= #ids or refill() then
        e = read(ids[at], ids[at + 1])
        at = at + 2
        looked = looked + 1
        if e and e.late then
          e.score, e.late = delayedScore(class, nextCounters(base, 1)), false
          behind[#behind + 1] = e
          delayed[#delayed + 1] = e
          e = nil
        end
      elseif exhausted and #behind > 0 then
        e = table.remove(behind, 1)
      else
        finished = true
        break
      end
      if e then
        if group and (e.group ~= group or e.deaths > 0) then
          mixed = mixed or e.group ~= group
        elseif rows > 0 and rows + e.rows > maxRows then
          finished, cut = true, true
        else
          entry = e
        end
      end
    end
    return entry
  end
  function cursor.pass() entry = nil end
  function cursor.stop() finished, entry = true, nil end
  return cursor
end
local cursors = { newCursor(1), newCursor(2), newCursor(3), newCursor(4) }

local closed = false
-- Puts the cursor's job into the batch, if it still fits; the first one settles the group.
local function pick(cursor)
  local e = cursor.peek()
  if not e then return false end
  if group and (e.group ~= group or e.deaths > 0) then
    mixed = mixed or e.group ~= group
    cursor.pass()
    return true
  end
  local key = base .. e.id
  if e.input == false and mixed then e.input = redis.call('HGET', key, 'in') end
  local size = e.input and #e.input or 0
  if #picked > 0 and (rows + e.rows > maxRows or bytes + size > maxBytes) then
    cut = true
    cursor.stop()
    return true
  end
  cursor.pass()
  picked[#picked + 1] = e
  group, rows, bytes = e.group, rows + e.rows, bytes + size
  closed = e.deaths > 0 or rows >= maxRows or #picked >= maxJobs or bytes >= maxBytes
  return true
end
local function pickEarlier(one, other)
  while not closed do
    local x, y = one.peek(), other.peek()
    if not x and not y then return end
    pick((x and (not y or x.due <= y.due)) and one or other)
  end
end

-- Linger: too few rows wait and the oldest has not waited long enough.
local filling = false
local function lingerEnd(e) return math.min(e.q + lingerMs, e.dl - spareMs) end
if lingerMs > 0 and minRows > 0 then
  if waitingRows(base, minRows) < minRows then
    local limit = nil
    for class = 1, 4 do
      local e = cursors[class].peek()
      if e then limit = math.min(limit or lingerEnd(e), lingerEnd(e)) end
    end
    if limit and limit > now then
      youngest = limit - now
      closed, filling = true, true
    end
  end
end

local credits = {}
-- The guaranteed share of a class, only where something more urgent competes with it.
local crowded = { false, not closed and cursors[1].peek() ~= nil }
crowded[3] = crowded[2] or (not closed and cursors[2].peek() ~= nil)
crowded[4] = crowded[3]
for class = 2, 4 do
  if not closed and crowded[class] then
    if cursors[class].peek() then
      local gain = CLASS_GUARANTEED[class] * maxRows
      local credit = math.min(maxRows, tonumber(redis.call('HGET', extra .. 'credit', class) or 0) + gain)
      while credit >= 1 and not closed and cursors[class].peek() do
        local before = rows
        if not pick(cursors[class]) then break end
        credit = credit - (rows - before)
        if rows > before then picked[#picked].paid = true end
      end
      credits[class] = credit
    end
  end
end
for class = 1, 2 do
  while not closed and pick(cursors[class]) do end
end
pickEarlier(cursors[3], cursors[4])

-- Leaves all but the first n of what was picked where it is.
local function keep(n)
  for i = #picked, n + 1, -1 do
    local e = picked[i]
    rows = rows - e.rows
    if e.paid then credits[e.class] = credits[e.class] + e.rows end
    picked[i] = nil
  end
end
-- Preferred sizes, as Triton's dynamic batcher has them: until the oldest has waited long enough the largest size that
-- is met exactly goes at once; what has outgrown them all goes without its last; what can still grow waits.
if #preferred > 0 and #picked > 0 and picked[1].deaths == 0 then
  local sizes, largest = {}, 0
  for _, n in ipairs(preferred) do
    sizes[n], largest = true, math.max(largest, n)
  end
  local sum, best, below, limit = 0, 0, 1, nil
  for i, e in ipairs(picked) do
    sum = sum + e.rows
    if sizes[sum] then best = i end
    if sum <= largest then below = i end
    limit = math.min(limit or lingerEnd(e), lingerEnd(e))
  end
  if lingerMs == 0 or limit > now then
    if best > 0 then keep(best)
    elseif rows > largest then keep(below)
    elseif lingerMs > 0 and not (closed or cut or mixed) then
      keep(0)
      youngest, filling = limit - now, true
    end
  end
end
if #picked > 0 then
  for class, credit in pairs(credits) do redis.call('HSET', extra .. 'credit', class, tostring(credit)) end
end

local taken, heads, answer = {}, {}, { 'jobs', now, 0, '' }
-- How the wait of each compares with what its class is promised.
local waits = {}
local nowText, batchText, lockText = text(now), text(batch), text(lockMs)
for i, e in ipairs(picked) do
  local key = base .. e.id
  removed[#removed + 1] = e.id
  taken[i] = e.id
  redis.call('SET', key .. ':lock', token, 'PX', lockText)
  redis.call('HSET', key, 'pb', token, 'bt', batchText, 'sc', e.score, 'processedOn', nowText, 'ats', text(e.ats + 1))
  if e.fresh then
    redis.call('HSET', key, 'dl', e.dl, 'q', e.q, 'kd', e.kind)
    if e.kind == 'd' then redis.call('ZADD', extra .. 'deadlines', e.dl, e.id) end
  end
  local share = (now - e.q) / CLASS_SLA[e.class]
  local verdict = (share <= 0.8 and 'met' or share <= 1 and 'risk' or 'late') .. e.class
  waits[verdict] = (waits[verdict] or 0) + 1
  events.step('event', 'active', 'jobId', e.id, 'prev', 'waiting')
  local data = not e.input and redis.call('HGET', key, 'data') or ''
  heads[i] = { e.id, e.kind, e.class, e.dl, e.q, e.rows, e.group, e.signature, e.deaths, data,
    a[23] == 1 and redis.call('HGET', key, 'tr') or '' }
  answer[4 + i] = e.input or ''
end
for _, e in ipairs(delayed) do
  redis.call('HDEL', base .. e.id, 'dy')
  redis.call('ZADD', prioritized, e.score, e.id)
end
if #removed > 0 then redis.call('ZREM', prioritized, unpack(removed)) end
if #taken > 0 then redis.call('LPUSH', active, unpack(taken)) end
turns.took(rows)
for verdict, n in pairs(waits) do redis.call('HINCRBY', extra .. 'stats', verdict, n) end
settler.flush()
replies.flush()
-- Who waits for a batch to fill is woken by what comes next, and by nothing before.
if not filling then wake(base) end
if #picked > 0 then
  answer[3] = redis.call('ZCARD', prioritized)
  answer[4] = cmsgpack.pack(heads)
  return answer
end
if youngest then return { 'later', now, math.ceil(youngest), filling and 1 or nil } end
if redis.call('ZCARD', prioritized) == 0 then
  local first = redis.call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
  if first[2] then return { 'later', now, math.max(1, math.floor(first[2] / 4096) - now) } end
  if redis.call('LLEN', active) == 0 then redis.call('DEL', base .. 'pc') end
end
return { 'nothing', now }
