-- renew_places: keep places of an owner for another while, also those that were lost.
-- KEYS[1] sorted set: places, each with its end in ms
-- ARGV: 1 ttl in ms, then the places
-- returns how many there are
local clock = redis.call('TIME')
local till = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000) + tonumber(ARGV[1])
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], string.format('%.0f', till), ARGV[i])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return #ARGV - 1
