-- For wrk: sends the requests of a file (bench/traffic.py) in turn, each with its number in the place of the mark.
--     wrk ... -s replay.lua URL -- FILE FIRST
-- At the end it prints one line, "BENCH " and JSON.

local mark = "@@@@@@@@@@@@"
local texts = {}
local number

function init(args)
   local file = assert(io.open(args[1], "rb"))
   for text in file:read("*a"):gmatch("%Z+") do
      local at = text:find(mark, 1, true)
      if at then
         texts[#texts + 1] = {head = text:sub(1, at - 1), tail = text:sub(at + #mark)}
      else
         texts[#texts + 1] = {head = text}
      end
   end
   file:close()
   number = tonumber(args[2])
end

function request()
   local text = texts[number % #texts + 1]
   local own = number
   number = number + 1
   if not text.tail then
      return text.head
   end
   return text.head .. string.format("%012.0f", own) .. text.tail
end

function done(summary, latency)
   local errors = summary.errors
   print(string.format(
      'BENCH {"requests": %d, "seconds": %.6f, "refused": %d, "broken": %d, "p50_us": %d, "p99_us": %d}',
      summary.requests, summary.duration / 1e6, errors.status,
      errors.connect + errors.read + errors.write + errors.timeout,
      latency:percentile(50), latency:percentile(99)))
end
