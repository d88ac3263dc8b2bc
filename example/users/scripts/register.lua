-- register: a tenant and its first user, both or neither.
-- KEYS: 1 users, 2 passwords, 3 emails, 4 tenants, 5 names
-- ARGV: 1 user id, 2 user as JSON, 3 password hash, 4 canonical e-mail, 5 tenant id, 6 tenant name, 7 canonical name
-- returns the fields that are taken already; an empty list means that both were written
local taken = {}
if redis.call('HEXISTS', KEYS[5], ARGV[7]) == 1 then
  table.insert(taken, 'account_name')
end
if redis.call('HEXISTS', KEYS[3], ARGV[4]) == 1 then
  table.insert(taken, 'email')
end
if #taken > 0 then
  return taken
end
redis.call('HSET', KEYS[4], ARGV[5], ARGV[6])
redis.call('HSET', KEYS[5], ARGV[7], ARGV[5])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[3], ARGV[4], ARGV[1])
return taken
