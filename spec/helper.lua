--- Loaded before every spec: the perilune under test, and the collector's pace.
local build = os.getenv("PERILUNE_BUILD") or "build"
package.cpath = build .. "/lua/?.so;" .. package.cpath
package.path = "spec/?.lua;" .. package.path
require "perilune" -- whose searcher finds perilune.* in the library

if os.getenv("PERILUNE_GC") == "aggressive" then
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", 1000)
end
