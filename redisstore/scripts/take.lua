-- take: one try from every bucket, or from none when one of them has no try left. The time is the server's: the clocks of
-- two processes may differ, and a limit that one has reached must hold for the other.
-- KEYS: a hash for each bucket: used, at (ms)
-- ARGV, four for each bucket: tries, step in ms, longest wait in ms (0: a rate), memory in ms
-- returns 0 when taken, else the ms until all buckets have a try
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local buckets, wait = {}, 0
for i, key in ipairs(KEYS) do
  local stored = redis.call('HMGET', key, 'used', 'at')
  local b = {
    key = key, used = tonumber(stored[1]) or 0, at = tonumber(stored[2]) or 0,
    tries = tonumber(ARGV[4 * i - 3]), step = tonumber(ARGV[4 * i - 2]),
    longest = tonumber(ARGV[4 * i - 1]), memory = tonumber(ARGV[4 * i]),
  }
  local ready = b.at
  if b.longest == 0 then
    ready = ready - (b.tries - 1) * b.step
  end
  wait = math.max(wait, ready - now)
  buckets[i] = b
end
if wait > 0 then
  return wait
end

for _, b in ipairs(buckets) do
  if b.longest == 0 then
    b.at = math.max(b.at, now) + b.step
    b.memory = b.at - now
  else
    b.used = b.used + 1
    b.at = now
    if b.used >= b.tries then
      b.at = now + math.min(b.longest, b.step * 2 ^ (b.used - b.tries))
    end
  end
  redis.call('HSET', b.key, 'used', b.used, 'at', string.format('%.0f', b.at))
  redis.call('PEXPIRE', b.key, string.format('%.0f', b.memory))
end
return 0
