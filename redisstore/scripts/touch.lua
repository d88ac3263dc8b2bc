-- touch: let one session live on. It writes to no key that a save has not made.
-- KEYS[1] session hash   ARGV: 1 seen in ms, 2 ttl in ms
-- returns 1 when touched, 0 when there is no such session
if redis.call('HEXISTS', KEYS[1], 'rev') == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'seen', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
