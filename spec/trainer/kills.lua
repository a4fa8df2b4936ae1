--- The trial of kills (spec/support/kills.lua): a watched training with swaps, ramps, rollbacks and guards is killed at random moments.
---
---     build/perilune lua spec/trainer/kills.lua [KILLS] [SEED]
---
--- KILLS: 200 unless given, about two seconds each. Ends with what the journal counts; or with what was found, and leaves the
--- folder there.
local posix = require "posix"

package.path = "spec/?.lua;" .. package.path
local kills = require "support.kills"

local wanted, seed = tonumber(arg and arg[1]) or 200, tonumber(arg and arg[2]) or 1
local root = assert(posix.mkdtemp("/tmp/perilune-kills-XXXXXX"))
local perilune = posix.realpath(posix.readlink and "/proc/self/exe")
print(("in %s"):format(root))
local counts, step = kills.trial {perilune = perilune, root = root, kills = wanted, seed = seed, told = function(count, at)
  if count % 10 == 0 then print(("%d kills, step %d"):format(count, at)) end
  io.stdout:flush()
end}
local names = {}
for name in pairs(counts) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do print(("%6d %s"):format(counts[name], name)) end
print(("%d kills of seed %d, step %d: each run went on from its last whole checkpoint"):format(wanted, seed, step))
os.execute(("rm -rf '%s'"):format(root))
