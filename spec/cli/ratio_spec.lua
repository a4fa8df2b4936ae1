--- A ratio of `eval.metrics` wherever a run is judged by it: train, eval, evaluations.csv, compare, sweep and their pages, by
--- episodes of an environment of one's own and by user and day.
local cjson = require "cjson"
local posix = require "posix"
local command = require "support.command"
local csv = require "perilune.records.csv"
local files = require "support.files"
local stats = require "perilune.stats"

local shop = [[
local shop = {
  summary = "Visitors who look and click", clock = true, max_steps = 12,
  observation = {{"mood", low = 0, high = 1}},
  action = {"continuous", push = {-1, 1}},
  responses = {click = {unit = "count"}, view = {unit = "count"}, never = {unit = "count"}},
}
function shop.new() return {mood = 0} end
function shop.reset(self)
  self.mood = math.random()
  return {self.mood}
end
function shop.step(self, action)
  local views, clicks = math.random(1, 4), 0
  for _ = 1, views do
    if math.random() < 0.3 + 0.2 * action.push * self.mood then clicks = clicks + 1 end
  end
  self.mood = math.random()
  return {self.mood}, {click = clicks, view = views, never = 0}, math.random() < 0.2, 1800
end
function shop.save(self) return {mood = self.mood} end
function shop.load(data) return {mood = data.mood} end
return shop
]]

local recipe = [[
return {
  env = {lua = "./shop.lua", n = 4},
  objective = {critics = {click = {}}},
  policy = {hidden = {8}},
  algorithm = {"ppo", rollout = 32, minibatch = 64, epochs = 1},
  train = {steps = 512, checkpoint = 0},
  eval = {every = 256, episodes = 30,
    metrics = {ctr = ratio("click", "view"), pace = ratio("view", "steps"), lost = ratio("click", "never")}},
}
]]

local feed = [[
return {
  env = {"shortvideo", n = 8},
  objective = {critics = {watch_time = {scale = 100}}},
  policy = {hidden = {8}, bounded = true},
  algorithm = {"a2c", rollout = 4},
  train = {steps = 320},
  eval = {users = 8, days = 1, curve = 4, every = 160, beside = {half = {watch = 0.5}}, groups = {"activity"},
    metrics = {like_rate = ratio("like", "video_views"), depth_s = ratio("steps", "sessions")}},
}
]]

describe("a ratio of sums", function()
  local root, run_of = nil, {}

  local function run(words, code)
    local out, err, found = command.run(root, words)
    assert.equal(code or 0, found, err)
    return out, err
  end
  local function has(text, ...)
    for _, part in ipairs {...} do assert.truthy(text:find(part, 1, true), part .. " is not in\n" .. text:sub(1, 2000)) end
  end
  local function put(name, text) assert(require("perilune").io.write(root .. "/" .. name, text)) end
  local function read(name) return files.read(root .. "/" .. name) end
  local function near(expected, found) assert.is_true(math.abs(expected - found) < 1e-9, tostring(found)) end

  setup(function()
    root = files.folder()
    put("shop.lua", shop)
    put("visits.lua", recipe)
    put("feed.lua", feed)
    for _, name in ipairs {"visits", "feed"} do
      run_of[name .. " text"] = run(("train %s.lua --trust -q"):format(name))
      for file in posix.files(root .. "/runs") do
        if file:find("^" .. name) then run_of[name] = "runs/" .. file end
      end
    end
  end)

  -- The interval of Σ of / Σ per over these episodes.
  local function interval(values, of, per) return stats.ratio_interval(values[of], values[per]) end

  describe("by episodes", function()
    it("is in what train and eval print, and a word where its lower sum is 0", function()
      for _, text in ipairs {run_of["visits text"], (run("eval --trust " .. run_of.visits))} do
        has(text, "ctr = click / view", "pace = view / steps", "undefined: the sum of never is 0")
      end
      local found = cjson.decode((run("eval --trust --json " .. run_of.visits)))
      local ctr = interval(found.values, "click", "view")
      near(ctr.mean, found.metrics.ctr.mean)
      near(ctr.low, found.metrics.ctr.low)
      near(stats.ratio_interval(found.values.view, found.length).high, found.metrics.pace.high)
      assert.is_false(found.metrics.lost)
    end)

    it("is a mean and a deviation of evaluations.csv, from which its interval follows, or two empty cells", function()
      local found = cjson.decode((run("eval --trust --json " .. run_of.visits)))
      local columns = csv.read(root .. "/" .. run_of.visits .. "/evaluations.csv").columns
      local ctr, last = interval(found.values, "click", "view"), #columns.step
      near(ctr.mean, columns["mean/ctr"][last])
      near(ctr.half, stats.t_quantile(0.975, 29) * columns["sd/ctr"][last] / math.sqrt(30))
      local text = read(run_of.visits .. "/evaluations.csv")
      has(text, "mean/ctr,sd/ctr,mean/lost,sd/lost,mean/pace,sd/pace\n")
      for line in text:gmatch("\n(%d[^\n]*)") do assert.truthy(line:find(",,,[^,]+,[^,]+$"), line) end
      assert.falsy(text:lower():find("nan", 1, true))
    end)

    it("is in the report: a figure, a chart over the steps, and numbers", function()
      local text = read(run_of.visits .. "/report.html")
      has(text, "ctr = click / view, at the end", ">undefined</td>")
      local charts = cjson.decode(text:match('<script id="charts" type="application/json">(.-)</script>'))
      local seen = {}
      for _, chart in ipairs(charts) do seen[chart.title] = chart end
      assert.equal(3, #seen.ctr.rows)
      assert.is_nil(seen.lost)
      local columns = csv.read(root .. "/" .. run_of.visits .. "/evaluations.csv").columns
      near(columns["mean/ctr"][3], seen.ctr.rows[3][2][2])
    end)

    it("is compared by the difference of two ratios, episode by episode", function()
      run("train visits.lua --trust -q --seed 2 --runs other")
      local other = "other/" .. files.lines("ls " .. root .. "/other")[1]
      local text = run(("compare --trust -q %s %s --out cmp"):format(run_of.visits, other))
      local a = cjson.decode((run("eval --trust --json " .. run_of.visits))).values
      local b = cjson.decode((run("eval --trust --json " .. other))).values
      local difference = interval(b, "click", "view").mean - interval(a, "click", "view").mean
      local line = text:match("ctr = click / view[^\n]*")
      has(line, (("%.4g"):format(difference):gsub("^%-", "−")))
      has(text, "undefined: the sum of never is 0")
      has(read "cmp/compare.html", "ctr = click / view", "paired differences of ctr", "undefined: the sum of never is 0",
        "it is what one episode moves the difference of the two ratios by")
    end)

    it("is compared over seeds, and left out where two recipes do not both say it", function()
      put("a.lua", 'return extend(require "visits", {})')
      put("b.lua", 'return extend(require "visits", {eval = {metrics = {pace = ratio("click", "steps"), lost = remove}}})')
      local text = run("compare --trust -q a.lua b.lua --seeds 2 --out both")
      has(text, "ctr = click / view", "A and B do not name the same ratio: lost, pace.")
      assert.falsy(text:find("pace =", 1, true))
      assert.falsy(text:find("lost =", 1, true))
      has(run("compare --trust -q a.lua a.lua --seeds 2 --out alike"), "undefined in 2 of 2 pairs")
      has(read "both/compare.html", "ctr, A", "A and B do not name the same ratio: lost, pace.")
    end)

    it("ranks the points of a sweep, and refuses a point where it is undefined", function()
      local words = "sweep visits.lua --trust -q --set algorithm.lr=1e-3,1e-2 --seeds 2 --out %s --metric %s"
      has(run(words:format("swept", "ctr")), "ctr = click / view, more is better")
      local data = cjson.decode(read "swept/sweep.json")
      assert.equal("ctr", data.metric)
      for _, point in ipairs(data.points) do
        near((point.seeds[1].value + point.seeds[2].value) / 2, point.value.mean)
        for _, one in ipairs(point.seeds) do
          local columns = csv.read(root .. "/" .. one.run .. "/evaluations.csv").columns
          near(columns["mean/ctr"][#columns.step], one.value)
        end
      end
      has(read "swept/sweep.html", "ctr = click / view</th>", "lost = click / never\">undefined</td>")
      local text = run(words:format("swept", "lost"), 1)
      has(text, "lr=0.001: undefined: the sum of never is 0, in swept/")
      assert.matches("\n  0.001 +undefined", text)
      assert.falsy(text:find("failed", 1, true), text)
      local _, err = run(words:format("swept", "crt"), 2)
      has(err, 'no response "crt"', 'the nearest is "ctr"')
    end)
  end)

  describe("by user and day", function()
    it("is a row of the lift table, with its interval over users", function()
      for _, text in ipairs {run_of["feed text"], (run("eval " .. run_of.feed))} do
        has(text, "like_rate = like / video_views", "depth_s = steps / sessions")
      end
      local compared = cjson.decode(read(run_of.feed .. "/lift.json"))
      local rows = {}
      for _, row in ipairs(compared.rows) do rows[row.name] = row end
      near(rows.like.policy / rows.video_views.policy, rows.like_rate.policy)
      near(rows.like.baseline / rows.video_views.baseline, rows.like_rate.baseline)
      near(rows.requests_a_session.policy, rows.depth_s.policy)
      near(rows.requests_a_session.lift.half, rows.depth_s.lift.half)
      assert.equal("like / video_views", rows.like_rate.formula)
      has(read(run_of.feed .. "/evaluations.csv"), "mean/like_rate,sd/like_rate,lift/like_rate,half/like_rate")
      has(table.concat(compared.main, " "), "like_rate")
      has(table.concat(cjson.decode(read(run_of.feed .. "/groups.json")).metrics, " "), "depth_s")
    end)

    it("is in the report: the table, that of further policies, and a learning curve", function()
      local text = read(run_of.feed .. "/report.html")
      local _, tables = text:gsub("depth_s = steps / sessions", "")
      assert.is_true(tables >= 3, tables)
      has(text:match('<script id="charts" type="application/json">(.-)</script>'), '"title":"depth_s"')
    end)

    it("is judged by episodes, too, where these count what it reads", function()
      local text = run(("eval %s --episodes 5"):format(run_of.feed))
      has(text, "like_rate = like / video_views", "undefined: sessions is not counted here")
      has(run(("eval %s --trust --users 4 --days 1"):format(run_of.visits)), "ctr = click / view", "undefined")
    end)

    it("is compared, and ranks a sweep's points by the lift over the baseline", function()
      local text = run(("compare -q %s %s --out same"):format(run_of.feed, run_of.feed))
      assert.truthy(text:find("like_rate = like / video_views[^\n]+%+0%.00 ± 0%.00 %%"), text)
      has(read "same/compare.html", "paired differences of like_rate", "it is what one user moves")
      text = run("sweep feed.lua -q --set algorithm.lr=1e-3,1e-2 --seeds 2 --metric depth_s --out lifted")
      has(text, "depth_s = steps / sessions, more is better", "lift over ltr, 95 %")
      local data = cjson.decode(read "lifted/sweep.json")
      local run_1 = data.points[1].seeds[1]
      for _, row in ipairs(cjson.decode(read(run_1.run .. "/lift.json")).rows) do
        if row.name == "depth_s" then near(row.policy, run_1.value) end
      end
      has(read "lifted/sweep.html", "depth_s = steps / sessions", "lift of depth_s over ltr")
    end)
  end)
end)
