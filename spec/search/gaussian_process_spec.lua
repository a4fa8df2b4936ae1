--- The Gaussian process of searches and its expected improvement, beside scikit-learn, scipy and numpy
--- (spec/fixtures/make_process_fixtures.py).

local prl = require "perilune"
local message_of = require "support.refusal"

local fixture = dofile "spec/fixtures/process.lua"
local tolerance = 1e-9

local function near(expected, found, about)
  assert.equal(#expected, #found, about)
  for i, number in ipairs(expected) do
    assert.near(number, found[i], tolerance * math.max(1, math.abs(number)), ("%s, item %d"):format(about, i))
  end
end

-- A process with the fixture's trials from `first` to `last`.
local function add(gp, first, last)
  for i = first, last do gp:add(fixture.points[i], fixture.rounds[i], fixture.scores[i]) end
  return gp
end

local function process(trials)
  return add(prl.gaussian_process {dimensions = 3, trials = trials or #fixture.points}, 1, #fixture.points)
end

local function with(changes)
  local theta = {}
  for key, value in pairs(fixture.theta) do theta[key] = value end
  for key, value in pairs(changes) do theta[key] = value end
  return theta
end

local function flat(slope)
  local list = {unpack(slope.lengths)}
  for _, name in ipairs {"signal", "shape", "level", "noise"} do list[#list + 1] = slope[name] end
  return list
end

describe("a Gaussian process", function()
  it("has the marginal likelihood and its gradient of scikit-learn", function()
    local value, slope = process():likelihood(with {shape = 0, level = 0})
    local expected = fixture.without_rounds
    near({expected.value}, {value}, "the likelihood")
    local gradient = flat(slope)
    for _ = 1, 2 do assert.equal(0, table.remove(gradient, 5)) end
    near(expected.gradient, gradient, "the gradient")
  end)

  it("has those of scipy where rounds have a term", function()
    local value, slope = process():likelihood(fixture.theta)
    near({fixture.value}, {value}, "the likelihood")
    for i, number in ipairs(flat(slope)) do assert.near(fixture.gradient[i], number, 1e-6, "derivative " .. i) end
  end)

  it("predicts what scikit-learn does, and with rounds what the joint distribution says", function()
    local gp = process()
    gp:set(with {shape = 0, level = 0})
    local mean, deviation = gp:predict(fixture.asked)
    near(fixture.without_rounds.mean, mean, "the mean")
    near(fixture.without_rounds.deviation, deviation, "the deviation")
    gp:set(fixture.theta)
    mean, deviation = gp:predict(fixture.asked)
    near(fixture.mean, mean, "the mean")
    near(fixture.deviation, deviation, "the deviation")
    near(fixture.fitted, gp:fitted(), "the mean at the trials")
    assert.same({{}, {}}, {gp:predict {}})
  end)

  it("has the same posterior when its trials came one after the other", function()
    for _, stops in ipairs {{5, 9, 14}, {1, 2, 3, 14}, {13, 14}} do
      local gp, from = prl.gaussian_process {dimensions = 3, trials = 20}, 1
      for _, stop in ipairs(stops) do
        add(gp, from, stop)
        if from == 1 then gp:set(fixture.theta) end
        gp:predict(fixture.asked)
        from = stop + 1
      end
      local mean, deviation = gp:predict(fixture.asked)
      near(fixture.mean, mean, "the mean")
      near(fixture.deviation, deviation, "the deviation")
    end
  end)

  it("predicts more points than it takes at once", function()
    local gp, points = process(), {}
    gp:set(fixture.theta)
    for i = 1, 150 do points[i] = fixture.asked[(i - 1) % #fixture.asked + 1] end
    local mean, deviation = gp:predict(points)
    for i = 1, 150 do
      near({fixture.mean[(i - 1) % 5 + 1], fixture.deviation[(i - 1) % 5 + 1]}, {mean[i], deviation[i]}, "point " .. i)
    end
  end)

  it("has a mean whose gradient is its slope", function()
    local gp = process()
    gp:set(fixture.theta)
    local h = 1e-5
    for _, point in ipairs(fixture.asked) do
      local value, slope = gp:slope(point)
      near((gp:predict {point}), {value}, "the mean")
      for d = 1, 3 do
        local low, high = {unpack(point)}, {unpack(point)}
        low[d], high[d] = low[d] - h, high[d] + h
        local ends = gp:predict {low, high}
        assert.near((ends[2] - ends[1]) / (2 * h), slope[d], 1e-7)
      end
    end
  end)

  it("has the noisy expected improvement of the joint posterior, and its greedy batch", function()
    local gp = process()
    gp:set(fixture.theta)
    local improvement = gp:improvement(fixture.shape)
    for _ = 1, 2 do -- a batch leaves nothing to the next
      improvement:begin(fixture.normals)
      local values = improvement:offer {unpack(fixture.candidates, 1, 4)}
      for _, value in ipairs(improvement:offer {unpack(fixture.candidates, 5)}) do values[#values + 1] = value end
      near(fixture.improvement, values, "the improvement")
      for k, pick in ipairs(fixture.picks) do near(pick, {improvement:pick()}, "pick " .. k) end
    end
  end)

  it("draws trials of one point as one", function()
    local gp = prl.gaussian_process {dimensions = 1, trials = 6}
    for i = 1, 6 do gp:add({0.5}, 1, i % 2) end
    gp:set {lengths = {1}, signal = 1, noise = 0.1}
    local improvement = gp:improvement {candidates = 2, incumbents = 6, draws = 2, picks = 3}
    improvement:begin {{1, 1, 1, 1, 1, 1, 0, 0, 0}, {-1, 0, 0, 0, 0, 0, 0, 0, 0}}
    local values = improvement:offer {{0.5}, {3}}
    assert.near(0, values[1], 1e-3)
    assert.is_true(values[2] > 0.1)
    assert.equal(2, (improvement:pick()))
  end)

  it("refuses what it cannot use, and says what is right", function()
    local gp = prl.gaussian_process {dimensions = 2, trials = 2}
    local function says(text, fn, ...)
      local arguments = {...}
      local message = message_of(function() fn(unpack(arguments)) end)
      assert.truthy(message:find(text, 1, true), message)
    end
    says("trials is 5000; 1 to 2048 are accepted", prl.gaussian_process, {dimensions = 2, trials = 5000})
    says("the nearest is \"trials\"", prl.gaussian_process, {dimensions = 2, trial = 5})
    says("the point: 2 numbers are needed, got 3", gp.add, gp, {1, 2, 3}, 1, 0)
    says("the point: item 2 is a string", gp.add, gp, {1, "2"}, 1, 0)
    says("must be finite", gp.add, gp, {1, 2}, 1, 0 / 0)
    says("must be finite", gp.add, gp, {1, math.huge}, 1, 0)
    says("needs its hyperparameters first", gp.predict, gp, {{1, 2}})
    local theta = {lengths = {1, 1}, signal = 1, noise = 1}
    says("without trials has no likelihood", gp.likelihood, gp, theta)
    gp:set(theta)
    says("without trials knows nothing", gp.predict, gp, {{1, 2}})
    gp:add({0, 0}, 2, 1)
    says("round 1 is over: the last trial was of round 2", gp.add, gp, {0, 0}, 1, 1)
    gp:add({0, 0}, 2, 2)
    says("of 2 trials takes no more", gp.add, gp, {0, 0}, 3, 1)
    for _, wrong in ipairs {
      {"length 2", {lengths = {1, 0}, signal = 1, noise = 1}},
      {"noise of", {lengths = {1, 1}, signal = 1, noise = 0}}, {"signal of", {lengths = {1, 1}, signal = 0 / 0, noise = 1}},
      {"shape of", {lengths = {1, 1}, signal = 1, noise = 1, shape = -1}},
      {"level of", {lengths = {1, 1}, signal = 1, noise = 1, level = 1 / 0}},
      {"noise is missing", {lengths = {1, 1}, signal = 1}}, {"lengths: 2 numbers", {lengths = {1}, signal = 1, noise = 1}},
    } do
      says(wrong[1], gp.set, gp, wrong[2])
      says(wrong[1], gp.likelihood, gp, wrong[2])
    end
    local tiny = {lengths = {1, 1}, signal = 1, noise = 1e-30}
    local value, message, code = gp:likelihood(tiny) -- two trials of one point
    assert.is_nil(value)
    assert.truthy(message:find("the noise is too small beside the signal", 1, true))
    assert.equal("ENUMERIC", code)
    gp:set(tiny)
    says("the noise is too small", gp.predict, gp, {{1, 2}})
    gp:set(theta)
    local improvement = gp:improvement {candidates = 2, incumbents = 1, draws = 1, picks = 1}
    says("incumbents is 0", gp.improvement, gp, {candidates = 2, incumbents = 0, draws = 1, picks = 1})
    says("a batch begins with its normals", improvement.offer, improvement, {{0, 0}})
    says("normals: 2 numbers are needed, got 1", improvement.begin, improvement, {{0}})
    says("normals: expected 1 lists, got 2", improvement.begin, improvement, {{0, 0}, {0, 0}})
    improvement:begin {{0, 0}}
    says("no point was offered", improvement.pick, improvement)
    says("at most 2 lists", improvement.offer, improvement, {{0, 0}, {0, 1}, {1, 0}})
    improvement:offer {{0, 1}}
    says("2 is the most", improvement.offer, improvement, {{0, 0}, {1, 0}})
    assert.equal(1, (improvement:pick()))
    says("the batch of 1 is full", improvement.pick, improvement)
    says("before the first is picked", improvement.offer, improvement, {{0, 0}})
    gp:set(theta)
    says("a batch begins with its normals", improvement.pick, improvement)
  end)
end)
