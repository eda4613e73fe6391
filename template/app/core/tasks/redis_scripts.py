"""What happens to a task in Redis, each step as a whole.

`task:<id>` is a hash, and each state a sorted set of ids by the time when somebody has to look at
them again. `ready` knows since when a task could be begun. Times are Redis's own, in milliseconds.
"""

PRELUDE = """
local prefix = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function get(id, field) return redis.call('HGET', prefix .. 'task:' .. id, field) end
local function set(id, ...) redis.call('HSET', prefix .. 'task:' .. id, ...) end

local function move(id, from, to, at, ...)
    if from then redis.call('ZREM', prefix .. from, id) end
    redis.call('ZADD', prefix .. to, at, id)
    set(id, 'state', to, ...)
    if to ~= 'queued' then redis.call('ZREM', prefix .. 'ready', id) end
end

-- Whoever lost its lease has no say any more.
local function is_mine(id, attempt)
    return get(id, 'state') == 'running' and get(id, 'attempts') == attempt
end
"""

ADD = (
    PRELUDE
    + """
local function add(id, message, after)
    if redis.call('EXISTS', prefix .. 'task:' .. id) == 1 then return 0 end
    set(id, 'message', message, 'attempts', 0, 'sends', 1, 'created_at', now, 'error', '')
    if tonumber(after) > 0 then
        move(id, nil, 'waiting', now + after)
    else
        move(id, nil, 'queued', now + ARGV[1])
        redis.call('ZADD', prefix .. 'ready', now, id)
    end
    return 1
end
local added = {}
for i = 2, #ARGV, 3 do table.insert(added, add(ARGV[i], ARGV[i + 1], ARGV[i + 2])) end
return added
"""
)

START = (
    PRELUDE
    + """
local function start(id)
    if get(id, 'state') ~= 'queued' then return false end
    local ready = redis.call('ZSCORE', prefix .. 'ready', id) or now
    local has_waited = now - ready > tonumber(ARGV[2])
    move(id, 'queued', 'running', now + ARGV[1])
    local attempt = redis.call('HINCRBY', prefix .. 'task:' .. id, 'attempts', 1)
    return {get(id, 'message'), attempt, has_waited and 1 or 0}
end
local started = {}
for i = 3, #ARGV do table.insert(started, start(ARGV[i])) end
return started
"""
)

RENEW = (
    PRELUDE
    + """
for i = 2, #ARGV, 2 do
    if is_mine(ARGV[i], ARGV[i + 1]) then
        redis.call('ZADD', prefix .. 'running', now + ARGV[1], ARGV[i])
    end
end
"""
)

FINISH = (
    PRELUDE
    + """
local state, kept, error = unpack(ARGV)
for i = 4, #ARGV, 2 do
    if is_mine(ARGV[i], ARGV[i + 1]) then
        move(ARGV[i], 'running', state, now + kept, 'error', error, 'finished_at', now)
    end
end
"""
)

WAIT = (
    PRELUDE
    + """
local id, attempt, after, attempts, error = unpack(ARGV)
if is_mine(id, attempt) then
    move(id, 'running', 'waiting', now + after, 'attempts', attempts, 'error', error)
end
"""
)

# An interval doubles with each time that a task is sent and not begun, up to ten minutes.
TAKE_DUE = (
    PRELUDE
    + """
local left, resend, states = tonumber(ARGV[1]), tonumber(ARGV[2]), {'waiting', 'running'}
if ARGV[3] == '1' then table.insert(states, 'queued') end
local old = redis.call('ZRANGEBYSCORE', prefix .. 'succeeded', '-inf', now, 'LIMIT', 0, 1000)
for _, id in ipairs(old) do
    redis.call('ZREM', prefix .. 'succeeded', id)
    redis.call('DEL', prefix .. 'task:' .. id)
end
local due = {}
for _, from in ipairs(states) do
    local ids = redis.call('ZRANGEBYSCORE', prefix .. from, '-inf', now, 'LIMIT', 0, left - #due)
    for _, id in ipairs(ids) do
        local sends = 1
        if from == 'queued' then sends = get(id, 'sends') + 1 end
        move(id, from, 'queued', now + math.min(resend * 2 ^ (sends - 1), 600000), 'sends', sends)
        redis.call('ZADD', prefix .. 'ready', 'NX', now, id)
        table.insert(due, id)
    end
end
return due
"""
)

NOT_SENT = (
    PRELUDE
    + """
for _, id in ipairs(ARGV) do
    if get(id, 'state') == 'queued' then move(id, 'queued', 'waiting', now + 1000) end
end
"""
)

REPLAY = (
    PRELUDE
    + """
local id = ARGV[1]
if get(id, 'state') ~= 'dead' then return 0 end
move(id, 'dead', 'waiting', now)
set(id, 'attempts', 0, 'error', '')
redis.call('HDEL', prefix .. 'task:' .. id, 'finished_at')
return 1
"""
)
