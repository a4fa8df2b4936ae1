local posix = require "posix"
local cjson = require "cjson"
local charts = require "perilune.report.chart"
local html = require "perilune.report.html"
local page = require "perilune.report.page"
local runs = require "perilune.report.run"

describe("the report", function()
  local root

  before_each(function() root = assert(posix.mkdtemp("/tmp/perilune-report-XXXXXX")) end)
  after_each(function() os.execute("rm -rf '" .. root .. "'") end)

  local function put(name, text)
    local file = assert(io.open(root .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end

  local function run_of(rows, status)
    put("run.json", cjson.encode {
      name = "</script><b>evil", env = "shortvideo", algorithm = "a2c", seed = 1, hash = ("0"):rep(32),
      step = rows * 100, updates = rows, seconds = 12, status = status or "finished", folder = root,
      responses = {{name = "watch_time", unit = "s"}, {name = "like", unit = "count"}},
      critics = {{name = "watch", reward = "r.watch_time < 3 & more", gamma = 0.95, per = "minute", weight = 1,
        scale = "baseline"}},
    })
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

  it("shows a run that has no numbers yet", function()
    run_of(0)
    os.remove(root .. "/evaluations.csv")
    os.remove(root .. "/metrics.csv")
    local text = page.render(assert(runs.load(root)))
    assert.truthy(text:find("<h2>Recipe</h2>", 1, true))
  end)
end)

describe("charts", function()
  it("have round ticks within the range", function()
    assert.same({0, 100, 200, 300, 400, 500}, (charts.ticks(-20, 520, 5)))
    local ticks = charts.ticks(0.0011, 0.0019, 4)
    assert.is_true(#ticks >= 3 and ticks[1] >= 0.0011 and ticks[#ticks] <= 0.0019)
  end)

  it("draw nothing from nothing", function()
    local set = charts.set()
    assert.is_nil(set.figure {title = "t", lines = {{label = "l", points = {}}}})
    assert.same({}, set.data)
  end)
end)

describe("html", function()
  it("escapes texts and leaves markup alone", function()
    assert.equal('<p class="a&quot;b">1 &lt; 2<br></p>',
      tostring(html.tag("p", {class = 'a"b'}, "1 < 2", html.tag("br"))))
    assert.equal("<td>–</td>", tostring(html.tag("td", nil, nil, false, "–")))
  end)
end)
