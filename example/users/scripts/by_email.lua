-- by_email: a user and the password hash by e-mail. One round trip, so that an unknown e-mail takes as long as a known one.
-- KEYS: 1 users, 2 passwords, 3 emails   ARGV: 1 canonical e-mail
-- returns user as JSON and password hash, which is empty when none was ever set, or an empty list when nobody has that e-mail
local id = redis.call('HGET', KEYS[3], ARGV[1])
local user = id and redis.call('HGET', KEYS[1], id)
if not user then
  return {}
end
return {user, redis.call('HGET', KEYS[2], id) or ''}
