-- What wrk asks for: wrk -s load.lua URL -- fixed PATH | range PATH BYTES OF | cold PREFIX | list FILE
-- Prints one line of figures in the end: RESULT requests microseconds bytes p50 p99 bad-statuses other-errors
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

local modes = {}

function modes.fixed(path)
  local asked = wrk.format("GET", path)
  return function() return asked end
end

function modes.range(path, bytes, of)
  return function()
    local from = math.random(0, of - bytes)
    return wrk.format("GET", path, { Range = "bytes=" .. from .. "-" .. (from + bytes - 1) })
  end
end

function modes.cold(prefix)
  local count = 0
  return function()
    count = count + 1
    return wrk.format("GET", prefix .. id .. "-" .. count)
  end
end

function modes.list(file)
  local asked = {}
  for path in io.lines(file) do asked[#asked + 1] = wrk.format("GET", path) end
  local at = math.random(#asked)
  return function()
    at = at % #asked + 1
    return asked[at]
  end
end

function init(args)
  math.randomseed(os.time() + id)
  request = modes[args[1]](args[2], tonumber(args[3]), tonumber(args[4]))
end

function done(summary, latency)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("RESULT %d %d %d %d %d %d %d\n", summary.requests, summary.duration, summary.bytes,
    latency:percentile(50), latency:percentile(99), errors.status, broken))
end
