--- The report of a run: a page that needs nothing beside itself.

local cjson = require "cjson"
local charts = require "perilune.report.chart"
local files = require "support.files"
local html = require "perilune.report.html"
local judged = require "perilune.report.judged"
local page = require "perilune.report.page"
local run_record = require "support.run_record"
local runs = require "perilune.records.run"

describe("the report", function()
  local root

  before_each(function() root = files.folder() end)

  local function put(name, text)
    local file = assert(io.open(root .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end

  local function run_of(rows, status)
    put("run.json", cjson.encode(run_record {
      name = "</script><b>evil", env = "shortvideo", algorithm = "a2c", seed = 1, hash = ("0"):rep(32),
      step = rows * 100, updates = rows, seconds = 12, status = status or "finished", folder = root,
      responses = {{name = "watch_time", unit = "s"}, {name = "like", unit = "count"}},
      critics = {{name = "watch", reward = "r.watch_time < 3 & more", gamma = 0.95, per = "minute", weight = 1,
        scale = "baseline"}},
    }))
    put("recipe.lua", "return {name = '</pre><script>alert(1)</script>'}\n")
    local lines = {"step,episodic_return/watch,response/watch_time,response/like,signal_share/watch,entropy," ..
      "dropped_steps"}
    for i = 1, rows do
      lines[i + 1] = ("%d,%g,%g,%g,%g,%g,0"):format(i * 100, i % 500, 20 + i % 7, 0.02, 0.75, 2 - i / rows)
    end
    put("metrics.csv", table.concat(lines, "\n") .. "\n")
    put("evaluations.csv", "step,episodes,mean/watch_time,sd/watch_time,mean/like,sd/like,mean/length,sd/length\n" ..
      "0,100,200,80,0.3,0.5,18,7\n1000,100,460,80,0.4,0.5,24,7\n")
    return page.render(assert(runs.load(root)))
  end

  local function chart_data(text)
    return cjson.decode(text:match('<script id="charts" type="application/json">(.-)</script>'))
  end

  it("shows responses, critics with their share, the recipe and the numbers without a script", function()
    local text = run_of(200)
    local still = text:gsub("<script.-</script>", "")
    for _, part in ipairs {"<h2>Evaluation</h2>", "watch_time", "460", "± 16", "<h2>Critics</h2>", "75.0 %",
      "r.watch_time &lt; 3 &amp; more", "0.95 per minute", "<h2>Recipe</h2>", "<svg", "Every metric", "entropy"} do
      assert.truthy(still:find(part, 1, true), part)
    end
    assert.truthy(still:find('name="viewport"', 1, true))
  end)

  it("needs nothing from outside", function()
    local text = run_of(50):gsub("<script>.-</script>", ""):gsub("<style>.-</style>", "")
    assert.falsy(text:find("src=", 1, true))
    assert.falsy(text:find("<link", 1, true))
    assert.falsy(text:find("@import", 1, true))
  end)

  it("escapes what a recipe or a name holds", function()
    local text = run_of(10)
    assert.falsy(text:find("<b>evil", 1, true))
    assert.falsy(text:find("<script>alert", 1, true))
    assert.truthy(text:find("&lt;/pre&gt;&lt;script&gt;alert(1)", 1, true))
  end)

  it("thins long series and keeps their extremes", function()
    local long = run_of(40000)
    assert.is_true(#long < 2.5e6, #long)
    for _, chart in ipairs(chart_data(long)) do
      assert.is_true(#chart.rows <= 600)
      if chart.title == "Episodic return: watch" then
        local low, high = math.huge, -math.huge
        for _, row in ipairs(chart.rows) do low, high = math.min(low, row[2][1]), math.max(high, row[2][3]) end
        assert.same({0, 499}, {low, high})
      end
    end
  end)

  it("says that a run was stopped and how to go on", function()
    local text = run_of(10, "interrupted")
    assert.truthy(text:find("perilune train --resume " .. root, 1, true))
  end)

  it("keeps its still drawings where the charting library is not installed", function()
    local getenv = os.getenv
    os.getenv = function(name) return name == "PERILUNE_DYGRAPHS" and "/nowhere" or getenv(name) end -- luacheck: ignore
    local text = run_of(10)
    os.getenv = getenv -- luacheck: ignore
    assert.is_true(#text < 60000)
    assert.truthy(text:find("<svg", 1, true))
  end)

  it("titles each metric as the run says, in its order, and those of which nobody says anything after them", function()
    run_of(10)
    local run = assert(runs.load(root))
    run.metrics.names = {"step", "own_metric/a", "entropy", "approx_kl"}
    for _, name in ipairs(run.metrics.names) do run.metrics.columns[name] = run.metrics.columns.step end
    run.info.metrics = {{kind = "entropy", title = "<Entropy>", text = "Of a <policy>."},
      {kind = "absent", title = "Absent", text = "Without a column."}}
    local text = page.render(run)
    local titles = {}
    for title in text:match("<h2>Learning</h2>.-<h2>"):gmatch("<figcaption[^>]*><b>(.-)</b>") do titles[#titles + 1] = title end
    assert.same({"&lt;Entropy&gt;", "Own metric", "Approx kl"}, titles)
    assert.truthy(text:find("Of a &lt;policy&gt;.", 1, true))
    run.info.metrics = nil -- of a run that was made before runs said it
    assert.truthy(page.render(run):find("<b>Entropy</b>", 1, true))
  end)

  it("takes a section of one's own in the place that it has in the list", function()
    local text = run_of(10)
    table.insert(page.sections, #page.sections, function(run, set)
      return {html.tag("h2", nil, "Mine"), set.figure {title = run.info.name, lines = {{points = {{x = 0, mean = 1, low = 1,
        high = 1}}}}}}
    end)
    local with = page.render(assert(runs.load(root)))
    table.remove(page.sections, #page.sections - 1)
    assert.truthy(with:find("<h2>Every metric</h2>.*<h2>Mine</h2>.*<h2>Recipe</h2>"))
    assert.equal(text, page.render(assert(runs.load(root))))
  end)

  it("shows a run that has no numbers yet", function()
    run_of(0)
    os.remove(root .. "/evaluations.csv")
    os.remove(root .. "/metrics.csv")
    local text = page.render(assert(runs.load(root)))
    assert.truthy(text:find("<h2>Recipe</h2>", 1, true))
  end)
end)

describe("the report of a run that was judged by user and day", function()
  local root

  before_each(function() root = files.folder() end)

  local function put(name, text)
    local file = assert(io.open(root .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end

  local function compared(name, baseline, mean)
    local rows = {}
    for i, metric in ipairs {"watch_time", "share"} do
      rows[i] = {name = metric, unit = "s", policy = 110, baseline = 100, sd = 3,
        lift = {mean = mean * i, half = 0.01, low = mean * i - 0.01, high = mean * i + 0.01, variance = 1e-4}}
    end
    return {users = 20, days = 3, seeds = 1, baseline = baseline, policy = name, rows = rows}
  end

  local function run_of(evaluations)
    put("run.json", cjson.encode(run_record {name = "feed", algorithm = "a2c", step = 4000, folder = root,
      evaluation = {users = 20, action = "mean"}, responses = {
        {name = "watch_time", unit = "s"}, {name = "share", unit = "count"}},
      critics = {{name = "watch", reward = "r.watch_time", gamma = 0.95, weight = 1, scale = "baseline", found = 21.5}}}))
    local lift = compared("policy", "ltr", 0.1)
    lift.main = {"watch_time"}
    lift.beside = {{name = "<best>", lift = compared("<best>", "ltr", 0.08), against = compared("policy", "<best>", 0.02)}}
    put("lift.json", cjson.encode(lift))
    put("evaluations.csv", "step,users,user_days,mean/watch_time,sd/watch_time,lift/watch_time,half/watch_time,mean/share," ..
      "sd/share,lift/share,half/share\n" .. evaluations)
    return runs.load(root)
  end

  local three = "0,8,0,100,3,0,0,1,1,0,0\n2000,8,55.5,105,3,5,1,1,1,nan,nan\n4000,20,120,110,3,10,1,1,1,20,2\n"

  it("shows the policy over the baseline and over what stands beside it", function()
    local text = page.render(run_of(three)):gsub("<script.-</script>", "")
    for _, part in ipairs {"Lift over ltr", "Beside &lt;best&gt;", "policy over &lt;best&gt;, 95 %", "+8.00 ± 1.00 %",
      "<b>+10.0<small> ± 1.0 %</small></b>", "<b>+2.0<small> ± 1.0 %</small></b>", "21.5<small> baseline</small>"} do
      assert.truthy(text:find(part, 1, true), part)
    end
    assert.falsy(text:find("<best>", 1, true))
  end)

  it("draws the lift over the user-days of experience", function()
    local run = run_of(three)
    local points = judged.curve(run.evaluations, "watch_time")
    assert.same({{x = 0, mean = 0, low = 0, high = 0}, {x = 55.5, mean = 5, low = 4, high = 6},
      {x = 120, mean = 10, low = 9, high = 11}}, points)
    assert.equal(2, #judged.curve(run.evaluations, "share")) -- without what could not be told
    assert.same({}, judged.curve(run.evaluations, "nothing"))
    local text = page.render(run)
    assert.truthy(text:find("4,000 steps are 120 user-days, 12 days of each of 10 users at once", 1, true))
    local data = cjson.decode(text:match('<script id="charts" type="application/json">(.-)</script>'))
    assert.equal("user-days", data[1].axis)
    assert.equal("watch_time", data[1].title)
    assert.equal(1, #data) -- the objective reads one response
  end)

  it("has no curves, and no empty places for them, after one evaluation", function()
    local text = page.render(run_of("4000,20,120,110,3,10,1,1,1,20,2\n"))
    assert.falsy(text:find("Learning curves", 1, true))
    assert.falsy(text:find("<figure", 1, true))
    assert.truthy(text:find("Lift over ltr", 1, true))
  end)

  it("draws over steps where the run did not count days", function()
    local run = run_of((three:gsub(",120,", ",nan,")))
    assert.equal(4000, judged.curve(run.evaluations, "watch_time")[3].x)
  end)
end)

describe("charts", function()
  it("have round ticks within the range", function()
    assert.same({0, 100, 200, 300, 400, 500}, (charts.ticks(-20, 520, 5)))
    local ticks = charts.ticks(0.0011, 0.0019, 4)
    assert.is_true(#ticks >= 3 and ticks[1] >= 0.0011 and ticks[#ticks] <= 0.0019)
  end)

  local function points(values)
    local list = {}
    for i, value in ipairs(values) do list[i] = {x = i, mean = value, low = value, high = value} end
    return list
  end

  it("are not squashed by a few points or by a band", function()
    local values = {}
    for i = 1, 100 do values[i] = i % 10 end
    values[50] = 1e6
    local set = charts.set()
    local text = tostring(set.figure {title = "t", lines = {{label = "l", points = points(values)}}})
    assert.is_true(set.data[1].range[2] < 25)
    assert.truthy(text:find("Not all of it is drawn: it reaches from 0 to 1,000,000.", 1, true))
    local few = points {1, 2, 3}
    few[2].high = 1000
    text = tostring(set.figure {title = "t", lines = {{label = "l", points = few}}})
    assert.is_true(set.data[2].range[2] < 6)
    assert.truthy(text:find("from 1 to 1,000.", 1, true))
    text = tostring(set.figure {title = "t", within = {-1, 1}, lines = {{label = "l", points = points {-5, 0, 0.5}}}})
    assert.is_true(set.data[3].range[1] > -1.2)
    assert.truthy(text:find("from −5 to 0.5.", 1, true))
    text = tostring(set.figure {title = "t", zero = true, lines = {{label = "l", points = points {5, 6, 7}}}})
    assert.is_true(set.data[4].range[1] <= 0)
    assert.falsy(text:find("Not all", 1, true))
  end)

  it("take what differs by rounding for one value", function()
    local set = charts.set()
    set.figure {title = "t", lines = {{label = "l", points = points {619275.644656851, 619275.644656852}}}}
    assert.is_true(set.data[1].range[2] - set.data[1].range[1] > 1)
  end)

  it("draw nothing from one point: it is a number", function()
    local set = charts.set()
    assert.is_nil(set.figure {title = "t", lines = {{label = "l", points = points {3}}}})
  end)

  it("draw nothing from nothing", function()
    local set = charts.set()
    assert.is_nil(set.figure {title = "t", lines = {{label = "l", points = {}}}})
    assert.same({}, set.data)
  end)
end)

describe("html", function()
  it("shows the rows of a table that is too wide as cards", function()
    local columns, row = {}, {}
    for i = 1, 12 do columns[i], row[i] = {"c" .. i, ""}, i end
    assert.truthy(tostring(html.table(columns, {row})):find('<div class="many">', 1, true))
    assert.truthy(tostring(html.table({{"a", ""}}, {{1}})):find('<div class="scroll">', 1, true))
  end)

  it("escapes texts and leaves markup alone", function()
    assert.equal('<p class="a&quot;b">1 &lt; 2<br></p>',
      tostring(html.tag("p", {class = 'a"b'}, "1 < 2", html.tag("br"))))
    assert.equal("<td>–</td>", tostring(html.tag("td", nil, nil, false, "–")))
  end)
end)
