"""What the store does in one step, in Lua: each script touches one part of one generation, or the pointer."""

from __future__ import annotations

WRITE = """
-- KEYS: the part, then a bucket a row. ARGV: successor, from, to, rows to count, then field and record a row.
local known = redis.call('HMGET', KEYS[1], 'id', 'next', 'position')
if not known[1] then return redis.error_reply('LOST this part of the index is gone') end
if (known[2] or '') ~= ARGV[1] then return redis.error_reply('SUPERSEDED another generation is being built') end
if ARGV[2] ~= '' and tonumber(known[3]) < tonumber(ARGV[2]) then
  return redis.error_reply('BEHIND this part went back')
end
local function sequence(text, at)
  local a, b, c, d, e = string.byte(text, at, at + 4)
  return (((a * 256 + b) * 256 + c) * 256 + d) * 256 + e
end
local grown = 0
for i = 2, #KEYS do
  local field, record = ARGV[2 * i + 1], ARGV[2 * i + 2]
  local old = redis.call('HGET', KEYS[i], field)
  if old then
    local kind = string.byte(record, 1) % 4
    local kept, at = '', 1
    while at <= #old do
      local flags = string.byte(old, at)
      local size = 10
      if flags >= 8 then size = 6 elseif flags >= 4 then size = 14 end
      if flags % 4 ~= kind then
        kept = kept .. string.sub(old, at, at + size - 1)
      elseif sequence(old, at + 1) >= sequence(record, 2) then
        record = nil
        break
      end
      at = at + size
    end
    if record then record = kept .. record end
  else
    grown = grown + 1
  end
  if record then redis.call('HSET', KEYS[i], field, record) end
end
if grown > 0 then redis.call('HINCRBY', KEYS[1], 'fields', grown) end
if ARGV[4] ~= '0' then redis.call('HINCRBY', KEYS[1], 'rows', ARGV[4]) end
if ARGV[3] ~= '' and tonumber(known[3]) < tonumber(ARGV[3]) then redis.call('HSET', KEYS[1], 'position', ARGV[3]) end
return grown
"""

FINISH = """
-- KEYS: the part, then all its buckets. ARGV: the rows that its builder wrote, the mark.
if redis.call('HGET', KEYS[1], 'rows') ~= ARGV[1] then return redis.error_reply('LOST rows of this part are gone') end
for i = 2, #KEYS do redis.call('HSET', KEYS[i], ARGV[2], 1) end
redis.call('HSET', KEYS[1], 'complete', 1)
return 1
"""

ANNOUNCE = """
-- KEYS: the part. ARGV: the generation that is to follow it, '' for none.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[1] == '' then redis.call('HDEL', KEYS[1], 'next') else redis.call('HSET', KEYS[1], 'next', ARGV[1]) end
return 1
"""

POINT = """
-- KEYS: lock, pointer. ARGV: token, milliseconds that the lock goes on, then names and values; '' removes.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('UNLOCKED another builds the index') end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
for i = 3, #ARGV, 2 do
  local name, value = ARGV[i], ARGV[i + 1]
  if value == '' then redis.call('HDEL', KEYS[2], name) else redis.call('HSET', KEYS[2], name, value) end
end
return 1
"""

UNLOCK = """
-- KEYS: lock. ARGV: token.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
