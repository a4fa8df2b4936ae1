--- perilune fit on a small log of its own: what it learns, what it refuses, and that no row sees its future.
local files = require "support.files"
local prl = require "perilune"
local features = require "perilune.fit.features"
local fit = require "perilune.fit"
local log_reader = require "perilune.fit.log"

local small = require "support.small_log"

describe("perilune fit", function()
  local folder

  local function write(name, text) assert(prl.io.write(folder .. "/" .. name, text)) end

  setup(function()
    folder = files.folder()
    small.write(folder)
  end)

  local function load(set) return fit.load(folder .. "/recipe.lua", {set = set}) end

  local function run(set, options)
    local loaded = assert(load(set))
    options = options or {}
    options.data, options.seeds, options.on = folder, options.seeds or {1}, options.on or "test"
    options.resamples = 20
    return fit.run(loaded, options)
  end

  it("learns more than the items' means", function()
    local result = assert(run())
    local click, seconds = result.heads.click, result.heads.seconds
    assert.same({training = 2500, judged = 500, log = 3000, skipped = 0}, result.rows)
    assert.is_true(click.ranker.auc.value > 0.72)
    assert.is_true(click.ranker.auc.value > click.item_mean.auc.value + 0.02)
    assert.is_true(click.ranker.log_loss.value < click.constant.log_loss.value)
    assert.equal(0.5, click.constant.auc.value)
    assert.is_true(click.ranker.auc.low < click.ranker.auc.value and click.ranker.auc.high > click.ranker.auc.value)
    assert.is_true(seconds.ranker.rmse.value < seconds.constant.rmse.value)
    assert.equal(10, #click.calibration)
    assert.matches("click", require("perilune.fit.report").text(result))
    assert.matches("<svg", require("perilune.fit.report").render(result))
  end)

  it("gives the same figures for the same seed", function()
    local a, b = run(nil, {on = "valid"}), run(nil, {on = "valid"})
    assert.same(a.heads.click, b.heads.click)
    local other = run(nil, {on = "valid", seeds = {2}})
    assert.is_not.equal(a.heads.click.ranker.auc.value, other.heads.click.ranker.auc.value)
  end)

  it("saves a ranker that C serves with the same bytes", function()
    local path = folder .. "/ranker.safetensors"
    local _, made, net = assert(run())
    assert(fit.save(path, assert(load()), made, net))
    local ranker = assert(prl.ranker(path, 7))
    assert.same({"click", "seconds"}, ranker:heads())
    assert.same({"item", "place", "maker", "user"}, ranker:categories())
    assert.same({"clicked"}, ranker:sequences())
    assert.same(made.number_names, ranker:numbers())
    local function part(tensor) return tensor:narrow(1, 1001, 1040):clone() end
    local scores = ranker:score(part(made.ids), part(made.numbers), part(made.sequences))
    local expected = require("perilune.fit.model").scores(net, part(made.ids), part(made.sequences), part(made.numbers))
    assert.is_true(scores:bytes() == expected:clone():bytes())
    -- Ids by text are those of the features; what was never seen has the category's first row.
    local row = 1234
    assert.equal(made.ids:get(row, 2), ranker:id(2, made.fields.place.texts[made.fields.place.id(row) + 1]))
    assert.equal(made.vocabulary.item.base, ranker:id(1, "never seen"))
    assert.equal(-1, ranker:id(9, "x"))
    local bad = part(made.ids)
    bad:set(3, 2, 100000)
    assert.error_matches(function() ranker:score(bad, part(made.numbers), part(made.sequences)) end,
      "row 3, category 2: the id 100000 is not one")
    local infinite = part(made.numbers)
    infinite:set(2, 1, 1 / 0)
    assert.error_matches(function() ranker:score(part(made.ids), infinite, part(made.sequences)) end, "row 2: the number ")
  end)

  it("shows no row its own answer, nor any that comes later", function()
    local recipe = assert(load()).recipe
    local function make(change)
      local log = log_reader.read(folder, recipe, {})
      if change then change(log) end
      local training = {}
      for i = 1, 2000 do training[i] = i end
      return features.make(log, recipe, training), log
    end
    local plain, log = make()
    for _, from in ipairs {2101, 2500, 2999} do
      local time = log.columns.time[from]
      local changed = make(function(other)
        for i = from, 3000 do
          other.columns.click[i] = 1 - other.columns.click[i]
          other.columns.seconds[i] = 1000
        end
      end)
      local last = from -- the first row that may differ: one with a later time
      while last <= 3000 and log.columns.time[last] == time do last = last + 1 end
      for _, name in ipairs {"ids", "numbers", "sequences"} do
        local function before(made) return made[name]:narrow(1, 1, last - 1):clone():bytes() end
        assert.is_true(before(plain) == before(changed), name)
      end
      if from < 2900 then assert.is_false(plain.numbers:bytes() == changed.numbers:bytes()) end
    end
  end)

  it("counts what came before, by hand", function()
    local recipe = assert(load()).recipe
    local log = log_reader.read(folder, recipe, {})
    local training = {}
    for i = 1, 2000 do training[i] = i end
    local made = features.make(log, recipe, training)
    local column = {}
    for k, name in ipairs(made.number_names) do column[name] = k end
    local user, click, time = log.columns.user, log.columns.click, log.columns.time
    for _, row in ipairs {1, 500, 1999, 3000} do
      local n, sum = 0, 0
      for i = 1, row - 1 do
        if user[i] == user[row] and time[i] < time[row] then n, sum = n + 1, sum + click[i] end
      end
      assert.near(math.log(1 + n), made.numbers:get(row, column["count/user"]), 1e-6)
      assert.near((sum + 3 * made.priors.click) / (n + 3), made.numbers:get(row, column["rate/user/click"]), 1e-6)
    end
  end)

  it("refuses recipes in one sentence with file and line", function()
    local function refused(set, message)
      local loaded, why, code = load(set)
      assert.is_nil(loaded)
      assert.matches(message, why)
      assert.equal("EFORMAT", code)
    end
    refused({'fields.item="click"'}, '%-%-set fields.item="click": fields.item: "click" is an outcome')
    refused({"rates.user.of.clik=3"}, 'there is no head "clik"; the nearest is "click"')
    refused({"train.bach=3"}, 'train.bach: unknown key; the nearest is "batch"')
    refused({"train.lr=-1"}, "train.lr: a number from")
    refused({'heads.click.loss="logstic"'}, 'there is no loss "logstic"; the nearest is "logistic"')
    refused({'sequences.clicked.of="hour"'}, 'there is no category "hour"')
    refused({'kind="train"'}, 'a recipe of kind "fit" or "world" is needed')
    write("odd.lua", (small.recipe:gsub("batch = 32", "batch = function() end")))
    assert.matches("odd.lua:%d+: train.batch: a function is not allowed here", select(2, fit.load(folder .. "/odd.lua")))
    assert.matches('recipe.lua: a recipe of kind "fit"', select(2, prl.recipe.load(folder .. "/recipe.lua")))
    write("bad.lua", small.recipe:gsub('"item", "place", "maker", "user"}', '"item", "plcae"}'))
    local _, why = fit.load(folder .. "/bad.lua")
    assert.matches('bad.lua:%d+: categories.2: there is no field "plcae"; the nearest is "place"', why)
  end)

  it("has a meaning for every option of its schema", function()
    local described, known = {}, {}
    for i, row in ipairs(require("perilune.fit.describe").rows()) do described[i] = row[1] end
    for i, option in ipairs(require("perilune.fit.schema").options()) do known[i] = option.path end
    table.sort(described)
    table.sort(known)
    assert.same(known, described)
    local text = require("perilune.recipe.describe").text "fit"
    assert.matches("heads.NAME.loss +logistic | squared +logistic", text)
    assert.matches("recent.NAME.keep +number 0 … 1 +0.7", text)
  end)

  it("refuses logs in one sentence with the row", function()
    local function refused(set, message, options)
      local result, why = run(set, options)
      assert.is_nil(result)
      assert.matches(message, why)
    end
    refused({'log.file="none.csv"'}, "none.csv: No such file or directory")
    refused({'numbers.size={"item.sise"}'}, 'has no column "sise"; the nearest is "size"')
    refused({"splits.test={7, 8}"}, "splits.test: the log has no row from 7 to 8")
    refused({"splits.test={4, 6}"}, "splits.test begins before the training days end")
    refused({'heads.click={"seconds"}'}, "heads.click: the column seconds holds .* a logistic head needs 0 and 1")
    local text = prl.io.read(folder .. "/log.csv")
    write("odd.csv", (text:gsub("u", "v", 1):gsub("v", "u", 1)) .. "u1,i1,home,6,soon,0,0\nu1,i1")
    refused({'log.file="odd.csv"'}, 'odd.csv: row 3001 %(line 3002%): column time: "soon" is not a number')
    local result = assert(run({'log.file="odd.csv"'}, {skip_bad = true}))
    assert.equal(2, result.rows.skipped)
    assert.matches("row 3001", result.first_skipped)
  end)
end)
