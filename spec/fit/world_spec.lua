--- perilune fit with a recipe of kind "world": what stands in the file, what it finds again, and what it refuses.
local files = require "support.files"
local prl = require "perilune"
local calibrate = require "perilune.fit.calibrate"
local checks = require "perilune.fit.world_checks"
local fit = require "perilune.fit"
local metrics = require "perilune.fit.metrics"
local play = require "perilune.fit.play"
local propensity = require "perilune.fit.propensity"
local report = require "perilune.fit.world_report"
local world = require "perilune.fit.world"

local draws = require "support.draws"
local small = require "support.small_world"

local HEADS = {"watch", "long_view", "like", "follow", "share", "comment", "hate"}

describe("perilune fit of a world", function()
  local folder, result, tensors, metadata

  local function write(name, text) assert(prl.io.write(folder .. "/" .. name, text)) end
  local function load(set) return fit.load(folder .. "/recipe.lua", {set = set}) end
  local function run(set, out)
    return world.run(assert(load(set)), {data = folder, out = folder .. "/" .. (out or "world.safetensors")})
  end
  local function absent(name) return prl.io.read(folder .. "/" .. name) == nil end

  setup(function()
    folder = files.folder()
    small.write(folder)
    result = assert(run())
    tensors, metadata = assert(prl.io.safetensors_read(folder .. "/world.safetensors"))
  end)

  it("writes every tensor of the format, in its shape", function()
    local U, V, H, D = 120, 59, 7, 3 -- the first item is shown on the ranker's days only
    local P, F = #prl.from_json(metadata.user_features), #prl.from_json(metadata.video_features)
    local B, G = tensors["play/mean"]:size(1), tensors["play/duration"]:size(1)
    local shapes = {
      ["response/time_slope"] = {H}, ["play/mean"] = {B}, ["play/duration"] = {G}, ["play/quantiles"] = {B, G, 20},
      ["users/features"] = {U, P}, ["users/activity"] = {U}, ["users/id"] = {U}, ["videos/features"] = {V, F},
      ["videos/duration"] = {V}, ["videos/age"] = {V}, ["videos/vector"] = {V, D}, ["videos/id"] = {V},
      ["pool/offset"] = {4}, ["clock/hour"] = {24},
    }
    for _, which in ipairs {"ranker", "response"} do
      for key, shape in pairs {user = {U, H, D}, user_bias = {U, H}, item = {V, D}, item_bias = {V, H}, hour = {24, H}} do
        shapes[which .. "/" .. key] = shape
      end
    end
    local pool = tensors["pool/video"]:size(1)
    shapes["pool/video"], shapes["pool/weight"] = {pool}, {pool}
    local found = {}
    for name, tensor in pairs(tensors) do
      found[name] = tensor:shape()
      for _, value in ipairs(tensor:view(tensor:count()):totable()) do assert.is_true(value == value and math.abs(value) < 1e12, name) end
    end
    assert.same(shapes, found)
    assert.equal("perilune kuairand world 1", metadata.format)
    assert.same(HEADS, prl.from_json(metadata.heads))
    assert.same({20220429, 20220501}, prl.from_json(metadata.ranker_days))
    assert.same({20220502, 20220504}, prl.from_json(metadata.days))
    assert.same({"count/user", "rate/user/like", "seen", "warmth"}, (function(list) table.sort(list) return list end)(
      prl.from_json(metadata.user_features)))
    assert.equal("world", prl.from_json(metadata.recipe).kind)
    assert.equal(32, #metadata.digest)
  end)

  it("holds ids, pools, facts and ranks that the log can be asked about", function()
    local ids, videos = tensors["users/id"]:totable(), tensors["videos/id"]:totable()
    assert.equal(100, ids[1])
    assert.equal(219, ids[120])
    assert.equal(501, videos[1])
    local offset, video, weight = tensors["pool/offset"]:totable(), tensors["pool/video"]:totable(), tensors["pool/weight"]:totable()
    assert.equal(0, offset[1])
    assert.equal(#video, offset[4])
    for day = 1, 3 do
      local sum = 0
      for k = offset[day] + 1, offset[day + 1] do
        sum = sum + weight[k]
        assert.is_true(k == offset[day] + 1 or video[k] > video[k - 1])
      end
      assert.equal(1000, sum)
    end
    local truth, durations = small.truth(), tensors["videos/duration"]:totable()
    for k, id in ipairs(videos) do assert.near(truth.items[id].length, durations[k], 1e-3) end
    assert.near(22 - 1, tensors["videos/age"]:totable()[1], 1e-4) -- 501 came up on 2022-04-11, 21 days before 2 May
    assert.near(1, tensors["clock/hour"]:sum():item(), 1e-5)
    for _, row in ipairs(tensors["videos/vector"]:square():sum(2):totable()) do assert.near(1, row, 1e-4) end
    for _, rank in ipairs(tensors["users/activity"]:totable()) do assert.is_true(rank > 0 and rank < 1) end
    assert.near(0.5, tensors["users/activity"]:mean():item(), 1e-6)
    for _, b in ipairs(tensors["play/quantiles"]:totable()) do
      for _, g in ipairs(b) do for q = 2, #g do assert.is_true(g[q] >= g[q - 1]) end end
    end
  end)

  --- Logits of a head for all users and items.
  local function logits(which, head)
    local all, p, b = {}, tensors[which .. "/user"]:totable(), tensors[which .. "/user_bias"]:totable()
    local q, c = tensors[which .. "/item"]:totable(), tensors[which .. "/item_bias"]:totable()
    for u = 1, #p do
      all[u] = {}
      for i = 1, #q do
        local sum = b[u][head] + c[i][head]
        for d = 1, #q[i] do sum = sum + p[u][head][d] * q[i][d] end
        all[u][i] = sum
      end
    end
    return all
  end

  it("has tables that add up to what was observed on the days that were fitted", function()
    local user_at, item_at, hour = {}, {}, tensors["response/hour"]:totable()
    for k, id in ipairs(tensors["users/id"]:totable()) do user_at[id] = k end
    for k, id in ipairs(tensors["videos/id"]:totable()) do item_at[id] = k end
    local watch, long, rows = logits("response", 1), logits("response", 2), 0
    local predicted, observed = {0, 0}, {0, 0}
    for line in prl.io.read(folder .. "/log.csv"):gmatch "[^\n]+" do
      local user, item, place, day, clock, _, _, ms, long_view = line:match(("([^,]+),"):rep(9))
      if place == "home" and tonumber(day) >= 20220502 then
        local u, i, h = user_at[tonumber(user)], item_at[tonumber(item)], hour[math.floor(clock / 100) + 1]
        predicted[1] = predicted[1] + watch[u][i] + h[1]
        predicted[2] = predicted[2] + calibrate.sigmoid(long[u][i] + h[2])
        observed[1], observed[2] = observed[1] + math.log(1 + ms / 1000), observed[2] + long_view
        rows = rows + 1
      end
    end
    assert.is_true(rows > 1900)
    assert.near(1, predicted[1] / observed[1], 1e-4)
    assert.near(1, predicted[2] / observed[2], 1e-4)
  end)

  it("finds the known chances again, in both models and beyond the pairs that met", function()
    local truth, ids, videos = small.truth(), tensors["users/id"]:totable(), tensors["videos/id"]:totable()
    for _, which in ipairs {"response", "ranker"} do
      local like, known, found = logits(which, 3), {}, {}
      for u, id in ipairs(ids) do
        for i, video in ipairs(videos) do
          known[#known + 1] = small.logit(truth.users[id], truth.items[video].appeal)
          found[#found + 1] = like[u][i]
        end
      end
      local r = checks.correlation(known, found)
      assert.is_true(r > 0.85, which .. ": " .. r)
      local across, along, centre, middle = 0, 0, metrics.mean(known), metrics.mean(found)
      for k = 1, #known do
        across, along = across + (known[k] - centre) * (found[k] - middle), along + (known[k] - centre) ^ 2
      end
      assert.is_true(across / along > 0.6 and across / along < 1.5, which .. ": " .. across / along)
    end
    local slope = result.heads.like.time_slope
    assert.near(small.time_slope, slope.value, 4 * slope.error)
    assert.same(0, tensors["response/time_slope"]:totable()[1])
  end)

  it("reports calibration, areas, spreads, and a replay that is near the log", function()
    for _, head in ipairs(HEADS) do
      local entry = result.heads[head]
      for _, which in ipairs {"ranker", "response"} do
        assert.near(1, entry[which].fitted.ratio, 1e-6)
        assert.is_true(entry[which].slope >= 0.1 and entry[which].slope <= 2)
      end
    end
    assert.near(1, result.heads.like.ranker.other_held.ratio, 0.15)
    assert.is_true(result.heads.like.ranker.other.auc > 0.65)
    assert.is_true(result.heads.like.agreement.users > 0.8)
    assert.is_true(result.heads.share.ranker.spread.users < 0.5 * result.heads.like.ranker.spread.users) -- chance alone
    assert.is_true(result.heads.like.own.users < 0.4 and result.heads.like.own.items < 0.4) -- features say it all
    local replay = result.replay
    assert.near(1, replay.world.mean / replay.log.mean, 0.1)
    assert.near(replay.log.short, replay.world.short, 0.03)
    assert.near(replay.log.whole, replay.world.whole, 0.05)
    for _, head in ipairs {"like", "follow", "share", "comment", "hate"} do
      assert.near(1, replay.rates[head].world / replay.rates[head].log, 1e-6)
    end
    assert.matches("The world beside the log", report.text(result))
    assert.matches("<svg", report.render(result))
    assert.matches(result.digest, report.render(result))
  end)

  it("gives the same bytes for the same seed", function()
    local function bytes(name) return assert(prl.io.read(folder .. "/" .. name)) end
    assert(run(nil, "again.safetensors"))
    assert.is_true(bytes "world.safetensors" == bytes "again.safetensors")
    local other = assert(run({"train.seed=2"}, "other.safetensors"))
    assert.is_not.equal(result.digest, other.digest)
    assert.equal(result.logs, other.logs)
  end)

  it("lets no answer of the world's days into what was known before them", function()
    local text = prl.io.read(folder .. "/log.csv")
    write("log.csv", (text:gsub("[^\n]+", function(line)
      local head, day, clock, time, length, ms, rest = line:match "^(%d+,%d+,%a+,)(%d+),(%d+),(%d+),(%d+),(%d+),(.*)$"
      if not day or tonumber(day) < 20220502 then return line end
      local flipped = rest:gsub("%d", function(digit) return digit == "1" and "0" or "1" end)
      return ("%s%s,%s,%s,%s,%d,%s"):format(head, day, clock, time, length, ms * 2 + 500, flipped)
    end)))
    assert(run(nil, "flipped.safetensors"))
    write("log.csv", text)
    local flipped, other = prl.io.safetensors_read(folder .. "/flipped.safetensors")
    for name, tensor in pairs(tensors) do
      local same = tensor:bytes() == flipped[name]:bytes()
      if name:match "^ranker/" or name:match "^users/" or name:match "^pool/" or name:match "^clock/"
        or name:match "^videos/" then
        assert.is_true(same, name)
      elseif name == "response/item_bias" or name == "play/quantiles" then
        assert.is_false(same, name)
      end
    end
    assert.is_not.equal(metadata.logs, other.logs)
  end)

  it("refuses recipes in one sentence", function()
    local function refused(set, message)
      local loaded, why = load(set)
      assert.is_nil(loaded)
      assert.matches(message, why)
    end
    refused({"splits.response={20220501, 20220504}"},
      "splits.response: its days, 20220501 to 20220504, must come after those of the ranker, 20220429 to 20220501")
    refused({'rates.pair={by={"user", "maker"}, of={like=3}}'}, '"user", "maker" is not of one side')
    refused({'numbers.odd="clock"'}, 'the column "clock" is neither the user\'s nor the item\'s')
    refused({'context.clock="band"'}, 'context.clock: there is no category of the moment "band"')
    refused({"context.held.place=remove"}, '"place" is neither the user\'s nor the item\'s: context.held must give')
    refused({'activity={"appeal"}'}, 'activity.1: there is no number "appeal" of the user')
    refused({'sequences.seen.by="item"'}, 'sequences.seen.by: "user" is needed')
    refused({"model.factor=3"}, 'model.factor: unknown key; the nearest is "factors"')
    refused({"gaps={}"}, "gaps: unknown key")
    assert.matches('recipe.lua: a recipe of kind "world"', select(2, prl.recipe.load(folder .. "/recipe.lua")))
  end)

  it("has a meaning for every option that only a world has", function()
    local usual, described, known = {}, {}, {}
    for _, option in ipairs(require("perilune.fit.schema").options("fit")) do usual[option.path] = true end
    for _, row in ipairs(require("perilune.fit.describe").world_rows()) do
      if not usual[row[1]] then described[#described + 1] = row[1] end
    end
    for _, option in ipairs(require("perilune.fit.schema").options("world")) do
      if not usual[option.path] then known[#known + 1] = option.path end
    end
    table.sort(described)
    table.sort(known)
    assert.same(known, described)
    assert.matches("play.quantiles +whole number", require("perilune.recipe.describe").text "world")
  end)

  it("refuses logs that are missing, cut or of another release, and writes nothing", function()
    local function refused(set, message)
      local got, why = run(set, "never.safetensors")
      assert.is_nil(got, message)
      assert.matches(message, why)
      assert.is_true(absent "never.safetensors")
    end
    local text = prl.io.read(folder .. "/log.csv")
    refused({'log.file="none.csv"'}, "none.csv: No such file or directory")
    write("odd.csv", text:sub(1, -8))
    refused({'log.file="odd.csv"'}, "odd.csv: row 6000 %(line 6001%)")
    local lines = {}
    for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
    write("odd.csv", table.concat(lines, "\n", 1, 5501) .. "\n")
    refused({'log.file="odd.csv"'}, "odd.csv has 5500 rows, the recipe's log.rows says 6000: the file is cut, or of another release")
    write("odd.csv", table.concat(lines, "\n", 1, 4001) .. "\n")
    refused({'log.file="odd.csv"', "log.rows=4000"}, "odd.csv: splits.response: the log has no row of day 20220504")
    refused({"tables.item.rows=61"}, "items.csv has 60 rows, the recipe's tables.item.rows says 61: the file is cut")
    write("odd.csv", (text:gsub("share", "shared", 1)))
    refused({'log.file="odd.csv"'}, 'odd.csv.* has no column "share"; the nearest is "shared"')
    write("odd.csv", (text:gsub("\n100,", "\nann,", 1)))
    refused({'log.file="odd.csv"'}, 'the user "ann" is not a whole number')
    refused({'context.held.place="hmoe"'}, "context.held: no impression of splits.ranker has these values")
    refused({"heads.hate=remove"}, 'heads: a world needs a head "hate"')
    for k = 2, #lines do lines[k] = lines[k]:gsub("%d,(%d)$", "0,%1") end
    write("odd.csv", table.concat(lines, "\n") .. "\n")
    refused({'log.file="odd.csv"'}, "heads.comment: no impression of splits.ranker has one: there is nothing to learn")
    refused({"train.batch=2000"}, "rows are fewer than one minibatch of 2000")
  end)

  it("is a command", function()
    local command = require "perilune.cli.fit"
    local out = folder .. "/deep/below/w.safetensors"
    local function words(...) return {folder .. "/recipe.lua", "--data", folder, "-q", "--out", out, ...} end
    local refused, message = pcall(command.run, words("--choose"))
    assert.is_false(refused)
    assert.matches("%-%-choose is for a recipe of kind", tostring(message))
    local terminal = require "perilune.terminal"
    local out_of = terminal.out
    terminal.out = function() end
    local code = command.run(words())
    terminal.out = out_of
    assert.equal(0, code)
    assert.is_true(prl.io.read(folder .. "/deep/below/w.safetensors") == prl.io.read(folder .. "/world.safetensors"))
    assert.matches("<svg", prl.io.read(folder .. "/deep/below/w.html"))
    assert.equal(result.digest, prl.from_json(prl.io.read(folder .. "/deep/below/w.json")).digest)
  end)

  it("fits the logs of KuaiRand-Pure as its README says", function()
    local data = os.getenv "PERILUNE_KUAIRAND"
    if not data then return pending("needs PERILUNE_KUAIRAND=FOLDER, the folder of KuaiRand-Pure's CSVs") end
    local real = assert(world.run(assert(fit.load "recipes/kuairand/world.lua"), {data = data, out = folder .. "/real.safetensors"}))
    assert.equal(25156, real.users)
    assert.equal(5572, real.items)
    assert.is_true(real.heads.long_view.ranker.other.auc > 0.73)
    assert.is_true(real.heads.like.ranker.other.auc > 0.86)
    for _, head in ipairs {"watch", "long_view", "like"} do assert.near(1, real.heads[head].ranker.other_held.ratio, 0.08) end
    assert.near(1, real.replay.world.mean / real.replay.log.mean, 0.03)
    assert.near(real.replay.log.whole, real.replay.world.whole, 0.01)
  end)
end)

describe("the regressions on scores", function()
  local function sample(n, slope, shift)
    local draw = draws(3)
    local scores, labels = {}, {}
    for i = 1, n do
      scores[i] = draw() * 4 - 3
      labels[i] = draw() < calibrate.sigmoid(slope * scores[i] + shift) and 1 or 0
    end
    return scores, labels
  end

  it("find weights and their errors", function()
    local scores, labels = sample(20000, 0.7, -0.4)
    local zeros = {}
    for i = 1, #scores do zeros[i] = 0 end
    local w, errors = calibrate.logistic(zeros, {1, scores}, labels)
    assert.near(-0.4, w[1], 4 * errors[1])
    assert.near(0.7, w[2], 4 * errors[2])
    assert.is_true(errors[2] > 0.005 and errors[2] < 0.03)
  end)

  it("stretch scores that are too sure, and shift sums together", function()
    local scores, labels = sample(20000, 0.5, 0.2)
    assert.near(0.5, calibrate.slope(scores, labels, true), 0.06)
    local shift, sum = calibrate.shift(scores, labels, true), 0
    for i = 1, #scores do sum = sum + calibrate.sigmoid(scores[i] + shift) end
    assert.near(metrics.mean(labels), sum / #scores, 1e-9)
    assert.near(2, calibrate.slope({1, 2, 3, 4}, {3, 5, 7, 9}), 1e-5)
    assert.near(1.5, calibrate.shift({1, 2}, {2.5, 3.5}), 1e-12)
  end)
end)

describe("what is a user's own", function()
  local draw = draws(9)

  local function normal() return math.sqrt(-2 * math.log(draw())) * math.cos(2 * math.pi * draw()) end

  --- Counts of groups whose rates differ by this much: counts, expected, ln of each rate.
  local function sample(groups, sigma)
    local counts, expected, own = {}, {}, {}
    for g = 1, groups do
      own[g], expected[g], counts[g] = sigma * normal() - sigma * sigma / 2, 0.02 + 0.3 * draw(), 0
      local left = math.exp(-expected[g] * math.exp(own[g]))
      local product = draw()
      while product > left do
        counts[g], product = counts[g] + 1, product * draw()
      end
    end
    return counts, expected, own
  end

  it("is found again in size, and is nothing where there is nothing", function()
    for _, sigma in ipairs {0.6, 1.2, 2} do
      local counts, expected = sample(20000, sigma)
      assert.near(sigma, propensity.fit(counts, expected), 0.12 * sigma)
    end
    local found = 0
    for _ = 1, 10 do if propensity.fit(sample(2000, 0)) > 0 then found = found + 1 end end
    assert.is_true(found <= 2)
  end)

  it("is drawn so that it has the size, the mean rate 1, and follows what people did", function()
    local counts, expected, own = sample(20000, 1)
    local uniform = {}
    for g = 1, #counts do uniform[g] = draw() end
    local drawn, sum, square, rate = propensity.draw(counts, expected, 1, uniform), 0, 0, 0
    for g = 1, #counts do
      sum, square, rate = sum + drawn[g], square + drawn[g] ^ 2, rate + math.exp(drawn[g])
    end
    local mean = sum / #counts
    assert.near(-0.5, mean, 0.03)
    assert.near(1, math.sqrt(square / #counts - mean ^ 2), 0.03)
    assert.near(1, rate / #counts, 0.05)
    assert.is_true(checks.correlation(drawn, own) > 0.1)
    -- A draw of the posterior is as close to the truth as the truth to a draw: where little was seen, to the prior.
    local low, high = propensity.draw({0, 5}, {3, 1}, 1, {0.5, 0.5}), propensity.draw({0}, {0}, 1, {0.975})
    assert.is_true(low[1] < -1 and low[2] > 0.5)
    assert.near(1.96 - 0.5, high[1], 0.02)
  end)
end)

describe("what outputs leave unexplained", function()
  it("is found between groups by its size", function()
    local draw = draws(4)
    local scores, labels, groups = {}, {}, {}
    for g = 1, 3000 do
      local own = (draw() + draw() + draw() - 1.5) -- of deviation ½
      for _ = 1, 8 do
        local i = #scores + 1
        scores[i], groups[i] = draw() * 2 - 1, g
        labels[i] = draw() < calibrate.sigmoid(scores[i] + own) and 1 or 0
      end
    end
    assert.near(0.5, checks.unexplained(scores, labels, groups, true), 0.06)
    for i = 1, #scores do groups[i] = i % 2999 end -- the members of other groups
    assert.is_true(checks.unexplained(scores, labels, groups, true) < 0.2)
  end)
end)

describe("the table of play times", function()
  it("gives the times back where they came from, and the end of a video at its end", function()
    local predicted, durations, times, draw = {}, {}, {}, draws(5)
    for i = 1, 4000 do
      local seconds = 10 + math.floor(draw() * 50)
      predicted[i], durations[i] = 1 + draw() / 2, play.log_duration(seconds)
      times[i] = draw() < 0.25 and math.log(1 + seconds) or predicted[i] * draw()
    end
    local made = play.table(predicted, durations, times, {means = 5, durations = 6, quantiles = 40, rows = 200})
    assert.equal(5, #made.means)
    local whole, sum = 0, 0
    for i = 1, 4000 do
      local x = play.read(made, predicted[i], durations[i], (i * 0.6180339887) % 1)
      sum = sum + x
      if math.abs(x - math.log(1 + math.exp(durations[i]))) < 0.02 then whole = whole + 1 end
    end
    assert.near(0.25, whole / 4000, 0.05) -- shares differ from pair to pair, which blurs the peak a little
    assert.near(metrics.mean(times), sum / 4000, 0.03)
    assert.is_true(play.read(made, -5, durations[1], 0.5) == play.read(made, made.means[1], durations[1], 0.5)) -- held outside
    assert.near(play.read(made, 1, 3, 0.4), play.read(made, 1, 3, 0.4001), 0.01)
  end)

  it("reads quantiles between neighbours", function()
    assert.equal(2, play.quantile({1, 2, 3}, 0.5))
    assert.equal(1, play.quantile({1, 2, 3}, 0))
    assert.near(1.5, play.quantile({1, 2}, 0.5), 1e-12)
    assert.equal(0, play.log_duration(0))
  end)
end)
