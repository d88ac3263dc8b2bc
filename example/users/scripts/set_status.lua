-- set_status: change one field of one user, so that two changes at once cannot undo each other.
-- KEYS[1] users   ARGV: 1 user id, 2 status
-- returns 1, or 0 when there is no such user
local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text then
  return 0
end
local user = cjson.decode(text)
user.status = ARGV[2]
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(user))
return 1
