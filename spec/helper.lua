--- Loaded before every spec: the perilune under test, the collector's pace, and that no spec leaves files behind.
local build = os.getenv("PERILUNE_BUILD") or "build"
package.cpath = build .. "/lua/?.so;" .. package.cpath
package.path = "spec/?.lua;" .. package.path
require "perilune" -- whose searcher finds perilune.* in the library

if os.getenv("PERILUNE_GC") == "aggressive" then
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", 1000)
end

local files = require "support.files"
require("busted").subscribe({"file", "end"}, function()
  files.remove()
  return nil, true -- and busted's own subscribers have their turn
end)
