-- The attack: the script overwrites the handles and the tags in its objects with any numbers.

local function make ()
    local kind = host.random(256)
    if kind == 0 then
        return host.file()
    elseif kind == 1 then
        return host.socket()
    elseif kind < 32 then
        return host.timer(1000)
    elseif kind < 144 then
        return host.flags(1 + host.random(16))
    end
    return host.buffer(1 + host.random(16))
end

local function number (objects)
    local kind = host.random(8)
    if kind == 0 then
        return host.random(4294967296)
    elseif kind == 1 then
        return host.random(100000)
    elseif kind == 2 then
        return 4294967295 - host.random(3)
    elseif kind == 3 then
        return 0
    elseif kind == 4 then
        -- One bit of another handle is wrong.
        return host.handle(objects[1 + host.random(#objects)]) ~ (1 << host.random(32))
    end
    return host.handle(objects[1 + host.random(#objects)])
end

local function tag ()
    if host.random(4) == 0 then
        return host.random(65536)
    end
    return 8193 + host.random(5)
end

local function attack (rounds)
    host.distrust()
    local objects = {}
    for i = 1, 2000 do
        objects[i] = make()
    end
    for step = 1, rounds * 10000 do
        if step % 10000 == 0 then
            -- Many at once, of which few stay, so that the table is compacted.
            local burst = {}
            for i = 1, 20000 do
                burst[i] = host.buffer(1)
            end
            for i = 1, 100 do
                objects[1 + host.random(#objects)] = burst[1 + host.random(#burst)]
            end
        end
        local object = objects[1 + host.random(#objects)]
        host.forge(object, number(objects), tag())
        host.touch(object)
        host.touch(objects[1 + host.random(#objects)])
        if host.random(2) == 0 then
            objects[1 + host.random(#objects)] = make()
        end
    end
    survivors = objects
    return true
end

return attack
