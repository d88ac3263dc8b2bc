-- touch: let one session live on, never for a shorter time than it has. It writes to no key that a save has not made.
-- KEYS[1] session hash   ARGV: 1 seen in ms, 2 ttl in ms
-- returns 1 when touched, 0 when there is no such session
local stored = redis.call('HMGET', KEYS[1], 'rev', 'seen')
if not stored[1] then
  return 0
end
if tonumber(ARGV[1]) > (tonumber(stored[2]) or 0) then
  redis.call('HSET', KEYS[1], 'seen', ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[2], 'GT')
return 1
