-- A server with sessions. Each has a buffer and a timer of the host. Some also have a file and a
-- socket. A thread of the host uses some buffers. Sessions refer to each other, so that garbage has cycles, and closures hold them.
--
-- A field that is not used any more is set to `false`.

local Session = {}
Session.__index = Session

function Session.new (id, previous)
    local session = setmetatable({
        id = id,
        previous = previous,
        inbox = host.buffer(8),
        timer = host.timer(0),
    }, Session)
    if previous then
        previous.next = session
    end
    session.inbox[1] = id % 251
    session.inbox[8] = id % 127
    session.check = function ()
        return session.inbox[1] == session.id % 251
            and session.inbox[8] == session.id % 127
            and session.timer:expired()
    end
    if id % 64 == 0 then
        host.watch(session.inbox)
    end
    if id % 2048 == 0 then
        session.log = host.file()
        session.line = host.socket()
        session.log:append('session ' .. id)
    end
    return session
end

function Session:alive ()
    if self.log then
        local text = 'session ' .. self.id
        assert(self.log:read() == text, 'the file has another text')
        assert(self.line:echo(text) == text, 'the socket has another text')
    end
    return self.check()
end

-- A reader that holds its buffer nowhere but on the stack of its coroutine.
local function reader (id)
    local buffer = host.buffer(4)
    buffer[1] = id % 256
    while true do
        coroutine.yield(buffer[1])
    end
end

local function wave (first, count, kept)
    local readers = {}
    local previous = false
    for id = first, first + count - 1 do
        local session = Session.new(id, previous)
        -- One in 16 stays, among many that go.
        if id % 16 == 0 then
            if previous then
                previous.next = false
            end
            session.previous = false
            kept[#kept + 1] = session
            previous = false
        else
            previous = session
        end
        if id % 256 == 0 then
            local thread = coroutine.create(reader)
            readers[#readers + 1] = {thread = thread, id = id}
        end
    end
    for i = 1, #readers do
        for _ = 1, 3 do
            local _, value = coroutine.resume(readers[i].thread, readers[i].id)
            assert(value == readers[i].id % 256, 'a reader lost its buffer')
        end
    end
end

local function sessions (rounds)
    local kept = {}
    local made = 1
    for _ = 1, rounds do
        wave(made, 20000, kept)
        made = made + 20000
        for i = 1, #kept do
            assert(kept[i]:alive(), 'a session that was kept is wrong')
        end
        -- Half of those that were kept go, too.
        local fewer = {}
        for i = 1, #kept, 2 do
            fewer[#fewer + 1] = kept[i]
        end
        kept = fewer
    end
    -- These outlive the script.
    survivors = kept
    return true
end

return sessions
