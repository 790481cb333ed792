-- For wrk: sends what the environment names, and prints one JSON object that compare.py reads, times in microseconds.
--
--   FPNODE_SEARCHES=FILE   searches, one JSON body a line, in turn
--   FPNODE_WRITES=ID       documents of 120 random hashes, one a request, from this id on; the bodies are made before,
--                          as to make one takes as long as to store it

local searches, writes = os.getenv("FPNODE_SEARCHES"), os.getenv("FPNODE_WRITES")
local json = {["Content-Type"] = "application/json"}
local requests, bodies = {}, {}

function setup(thread)
  thread:set("number", 0)
end

function init()
  if searches then
    for body in io.lines(searches) do
      requests[#requests + 1] = wrk.format("POST", wrk.path .. "/_search", json, body)
    end
  else
    for i = 1, 2000 do
      local hashes = {}
      for j = 1, 120 do hashes[j] = math.random(0, 4294967295) end
      bodies[i] = '{"hashes":[' .. table.concat(hashes, ",") .. "]}"
    end
  end
end

function request()
  number = number + 1
  if searches then return requests[number % #requests + 1] end
  local path = wrk.path .. "/" .. string.format("%d", writes + number)
  return wrk.format("PUT", path, json, bodies[number % #bodies + 1])
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('RESULT {"requests": %d, "microseconds": %d, "failed": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
