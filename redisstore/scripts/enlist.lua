-- enlist: note that a session may hold an account, and forget the entries that are over.
-- KEYS[1] sorted set of the account: session ids, each with the end of its entry in ms
-- ARGV: 1 session id, 2 end of the entry in ms, 3 now in ms
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[3])
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', tonumber(last[2])))
return 1
