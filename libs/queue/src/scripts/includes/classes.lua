-- BullMQ scores a prioritized job priority * 2^32 + counter, so each class lies together, first in first out.
local CLASS_SPAN = 4294967296
local CLASS_SLA = { 10, 30, 100, 500 }
-- Share of every take that a class is owed while more urgent ones wait.
local CLASS_GUARANTEED = { 0, 0.1, 0.0625, 0.0625 }
-- Up to which share of the queue's places a class may fill it.
local CLASS_SHARE = { 1, 0.95, 0.9, 0.7 }
local CLASS_MIN, CLASS_MAX = {}, {}
for class = 1, 4 do
  CLASS_MIN[class] = text(class * CLASS_SPAN)
  CLASS_MAX[class] = class == 4 and '+inf' or text((class + 1) * CLASS_SPAN - 1)
end
local NORMAL = 3

-- Takes n numbers of BullMQ's counter; returns the first of them.
local function nextCounters(base, n)
  return redis.call('INCRBY', base .. 'pc', n) - n + 1
end

local function classScore(class, counter)
  return text(class * CLASS_SPAN + counter % CLASS_SPAN)
end

-- Behind all others of the class, also those that come later: the last sixteenth of its span, which the counter does not
-- reach before four thousand million jobs without an empty queue between them (then the order is mixed, nothing else).
local DELAYED_SPAN = CLASS_SPAN / 16
local function delayedScore(class, counter)
  return text((class + 1) * CLASS_SPAN - DELAYED_SPAN + counter % DELAYED_SPAN)
end
