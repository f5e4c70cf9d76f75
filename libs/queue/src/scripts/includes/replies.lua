-- Outcomes for the gateways that wait: one stream entry per call and gateway. Field `h` is msgpack
-- [[id, 's' or 'f', text, 1 when an `o` follows], …], then one `o` field per tensor blob, in order.
-- A stream exists while its gateway lives (NOMKSTREAM); past maxBytes unread the oldest half of it goes.
local function newReplies(shard, maxBytes)
  local byGateway, order = {}, {}
  local function add(gateways, id, outcome, note, out)
    for gateway in string.gmatch(gateways or '', '[^,]+') do
      local entry = byGateway[gateway]
      if not entry then
        entry = { heads = {}, outs = {}, bytes = 0 }
        byGateway[gateway] = entry
        order[#order + 1] = gateway
      end
      entry.heads[#entry.heads + 1] = { id, outcome, note, out and 1 or 0 }
      if out then
        entry.outs[#entry.outs + 1] = 'o'
        entry.outs[#entry.outs + 1] = out
        entry.bytes = entry.bytes + #out
      end
    end
  end
  local function flush()
    for _, gateway in ipairs(order) do
      local entry = byGateway[gateway]
      local key = shard .. 'reply:' .. gateway
      local id = redis.call('XADD', key, 'NOMKSTREAM', '*', 'h', cmsgpack.pack(entry.heads), unpack(entry.outs))
      if id then
        local unread = redis.call('INCRBY', key .. ':bytes', entry.bytes + 100 * #entry.heads)
        if unread > maxBytes then
          redis.call('XTRIM', key, 'MAXLEN', math.floor(redis.call('XLEN', key) / 2))
          redis.call('SET', key .. ':bytes', math.floor(unread / 2))
        end
      end
    end
  end
  return { add = add, flush = flush }
end
