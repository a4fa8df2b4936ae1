--- The table and the page of a comparison.

local cjson = require "cjson"
local comparison = require "perilune.report.comparison"
local stats = require "perilune.stats"

describe("the page of a comparison", function()
  local function run(means, lifts, baseline)
    local columns = {step = {0, 100}, ["mean/watch"] = means, ["lift/watch"] = lifts}
    return {info = {name = "x"}, lift = baseline and {baseline = baseline} or nil,
      evaluations = {rows = 2, columns = columns, names = {"step", "mean/watch", "lift/watch"}}}
  end

  local function render(a, b, pairs_)
    local compared = {names = {"one", "other"}, unit = "seed", pairs = pairs_ or {1, 2},
      responses = {{name = "watch", unit = "s", a = {}, b = {}}}, curves = {a, b}}
    for i = 1, #compared.pairs do compared.responses[1].a[i], compared.responses[1].b[i] = i, 2 * i end
    local response = compared.responses[1]
    local text = comparison.render(compared, {{name = "watch", unit = "s", a = stats.interval(response.a),
      b = stats.interval(response.b), difference = stats.paired(response.a, response.b)}})
    return text, cjson.decode(text:match('<script id="charts" type="application/json">(.-)</script>'))
  end

  it("draws the mean over runs, and a band no farther than the runs themselves", function()
    local _, charts = render({run({1, 5}), run({3, 9})}, {run({2, 4}), run({2, 6})})
    assert.same({{0, {1, 2, 3}, {2, 2, 2}}, {100, {5, 7, 9}, {4, 5, 6}}}, charts[1].rows)
    assert.is_true(charts[1].range[1] > 0.4 and charts[1].range[2] < 9.6)
  end)

  it("draws lifts where all were judged beside one baseline", function()
    local a, b = {run({1, 5}, {0, 10}, "ltr")}, {run({1, 5}, {0, 20}, "ltr")}
    local text, charts = render(a, b)
    assert.same({{0, {0, 0, 0}, {0, 0, 0}}, {100, {10, 10, 10}, {20, 20, 20}}}, charts[1].rows)
    assert.truthy(text:find("% over ltr", 1, true))
    b[1].lift.baseline = "runs/x"
    text, charts = render(a, b)
    assert.same({5, 5, 5}, charts[1].rows[2][2])
    assert.falsy(text:find("% over", 1, true))
  end)

  it("shows some of very many pairs", function()
    local many = {}
    for i = 1, 5000 do many[i] = i end
    local text = render({run({1, 5})}, {run({2, 4})}, many)
    local _, dots = text:gsub('class="dot pair"', "")
    assert.is_true(dots > 250 and dots <= 300, dots)
    assert.truthy(text:find("some of 5,000", 1, true))
    assert.falsy(text:find("Every pair", 1, true))
    assert.truthy(render({run({1, 5})}, {run({2, 4})}):find("Every pair", 1, true))
  end)
end)
