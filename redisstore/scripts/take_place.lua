-- take_place: keep one of an owner's places, unless all are kept. The time is the server's: the clocks of two processes may
-- differ, and the place of a process that died must be free for all at the same moment.
-- KEYS[1] sorted set: places, each with its end in ms
-- ARGV: 1 place, 2 how many there are, 3 ttl in ms
-- returns 1 when kept, 0 when all others are
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[3])), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
