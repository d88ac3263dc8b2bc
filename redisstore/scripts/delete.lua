-- delete: end one session and tell the watchers, in one step.
-- KEYS[1] session hash, [2] the channel once more, when it is a sharded one
-- ARGV: 1 channel, 2 change notice up to the version, which only this script can know
-- returns 1 when deleted, 0 when there is no such session
local version = redis.call('HGET', KEYS[1], 'ver')
if redis.call('DEL', KEYS[1]) == 0 then
  return 0
end
redis.call(KEYS[2] and 'SPUBLISH' or 'PUBLISH', ARGV[1], ARGV[2] .. string.format('%.0f', (tonumber(version) or 0) + 1) .. '}')
return 1
