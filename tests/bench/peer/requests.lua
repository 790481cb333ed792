-- For wrk: sends what the environment names, and prints one JSON object that compare.py reads, times in microseconds.
--
--   FPNODE_SEARCHES=FILE   searches, one JSON body a line, in turn
--   FPNODE_WRITES=ID       documents of 120 random hashes, one a request, from this id on

local searches, writes = os.getenv("FPNODE_SEARCHES"), os.getenv("FPNODE_WRITES")
local json = {["Content-Type"] = "application/json"}
local requests = {}

function setup(thread)
  thread:set("number", 0)
end

function init()
  if searches then
    for body in io.lines(searches) do
      requests[#requests + 1] = wrk.format("POST", wrk.path .. "/_search", json, body)
    end
  end
end

function request()
  number = number + 1
  if searches then return requests[number % #requests + 1] end
  local hashes = {}
  for i = 1, 120 do hashes[i] = math.random(0, 4294967295) end
  local body = '{"hashes":[' .. table.concat(hashes, ",") .. "]}"
  return wrk.format("PUT", wrk.path .. "/" .. string.format("%d", writes + number), json, body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('RESULT {"requests": %d, "microseconds": %d, "failed": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
