-- For wrk: sends the prepared searches of the file named by FPNODE_QUERIES (one JSON body a line), and prints what
-- http_load.py reads: one JSON object with counts and latencies in microseconds.

local requests = {}
local first = 0

function setup(thread)
  -- Threads begin at different queries.
  thread:set("first", first)
  first = first + 1009
end

function init()
  for body in io.lines(os.getenv("FPNODE_QUERIES")) do
    requests[#requests + 1] = wrk.format("POST", "/main/_search", {["Content-Type"] = "application/json"}, body)
  end
  position = first
end

function request()
  position = position % #requests + 1
  return requests[position]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests": %d, "microseconds": %d, "failed": %d, "p50": %d, "p90": %d, "p99": %d, "p999": %d, "max": %d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9), latency.max))
end
