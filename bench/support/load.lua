-- wrk's side of a load: prepared requests from a file, each preceded by its length in four bytes.
local requests, at = {}, 0

function init(arguments)
  local data = assert(io.open(arguments[1], "rb")):read("*a")
  local from = 1
  while from <= #data do
    local a, b, c, d = data:byte(from, from + 3)
    local length = ((a * 256 + b) * 256 + c) * 256 + d
    requests[#requests + 1] = data:sub(from + 4, from + 3 + length)
    from = from + 4 + length
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"rate": %f, "p50_ms": %f, "p99_ms": %f, "wrong": %d}\n',
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    errors.status + errors.timeout
  ))
end
