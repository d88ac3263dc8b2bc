-- save: compare-and-set one session and tell the watchers, in one step.
-- KEYS[1] session hash, [2] the channel once more, when it is a sharded one
-- ARGV: 1 revision the caller loaded (0: must not exist), 2 the next revision, 3 id of this write, 4 version, 5 tag,
--       6 seen in ms, 7 data, 8 ttl in ms, 9 channel, 10 change notice
-- returns 1 when written, 0 when another writer was first or the session is gone
local stored = redis.call('HMGET', KEYS[1], 'rev', 'write')
local mine
if ARGV[1] == '0' then
  mine = redis.call('EXISTS', KEYS[1]) == 0
else
  mine = stored[1] == ARGV[1]
end
if not mine then
  -- The client sends a script again when its answer got lost. This write is in already, and told.
  return (stored[1] == ARGV[2] and stored[2] == ARGV[3]) and 1 or 0
end
redis.call('HSET', KEYS[1], 'rev', ARGV[2], 'write', ARGV[3],
  'ver', ARGV[4], 'tag', ARGV[5], 'seen', ARGV[6], 'data', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[8])
redis.call(KEYS[2] and 'SPUBLISH' or 'PUBLISH', ARGV[9], ARGV[10])
return 1
