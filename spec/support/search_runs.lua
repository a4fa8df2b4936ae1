--- Runs of searches in a folder that goes away, for the specs of the algorithms that search.

local assert = require "luassert"
local files = require "support.files"
local prl = require "perilune"
local report = require "support.report"
local trained = require "support.trained"
local trainer = require "perilune.trainer"

local search_runs = {}

--- Functions over runs of a recipe, whose file is root .. "/feed.lua": begin and finish are called before and after each test.
function search_runs.of(recipe)
  local runs = {}

  function runs.begin()
    runs.root = files.folder()
    assert(prl.io.write(runs.root .. "/feed.lua", recipe))
  end

  function runs.finish() prl.interrupted = nil end

  function runs.load(set, trust) return prl.recipe.load(runs.root .. "/feed.lua", {set = set, trust = trust}) end

  function runs.start(place, set, trust)
    return trainer.start(assert(runs.load(set, trust)), {root = runs.root .. "/" .. place, quiet = true, set = set, report = report})
  end

  function runs.train(place, set, trust)
    local run = runs.start(place or "runs", set, trust)
    assert.equal("finished", run:train())
    return run
  end

  runs.read, runs.info = trained.read, trained.info
  function runs.last_bytes(run) return assert(prl.io.read((run.folder:last_checkpoint()))) end

  --- A search that stops after so many trials, each of the list, and goes on leaves what one leaves that never stopped.
  function runs.go_on_after(whole, list)
    for _, stop_after in ipairs(list) do
      local part
      prl.interrupted = function() return part ~= nil and #part.state.search.scores == stop_after end
      part = runs.start("part" .. stop_after)
      assert.equal("interrupted", part:train())
      assert.equal(stop_after, #part.state.search.scores)
      prl.interrupted = nil
      local rest = trainer.resume(part.folder.path, {quiet = true})
      assert.equal("finished", rest:train())
      for _, name in ipairs {"trials.csv", "metrics.csv", "evaluations.csv"} do
        assert.is_true(runs.read(whole, name) == runs.read(rest, name), ("%s after a stop at trial %d"):format(name, stop_after))
      end
      assert.is_true(runs.last_bytes(whole) == runs.last_bytes(rest), ("after a stop at trial %d"):format(stop_after))
      assert.same(runs.info(whole).search, runs.info(rest).search)
    end
  end

  return runs
end

return search_runs
