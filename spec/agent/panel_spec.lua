--- prl.panel: the same numbers on any number of threads, the days counted by hand, the watch, and what is refused.

local files = require "support.files"
local prl = require "perilune"

describe("a panel", function()
  local zero = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

  local function sums(options)
    options.users, options.days, options.seed = options.users or 40, options.days or 2, options.seed or 5
    if not options.agent then options.constant = options.constant or zero end
    local result = assert(prl.panel("shortvideo", nil, options))
    return result:totable()
  end

  it("gives the same numbers whatever the number of threads", function()
    local one = sums {users = 150, threads = 1}
    for _, threads in ipairs {2, 3} do assert.same(one, sums {users = 150, threads = threads}) end
    local observed = {"activity", "session_watched"}
    one = sums {users = 150, threads = 1, observed = observed}
    for _, threads in ipairs {2, 3} do assert.same(one, sums {users = 150, threads = threads, observed = observed}) end
  end)

  it("gives every user the same days whoever else is on it", function()
    local many, few = sums {users = 100}, sums {users = 7}
    for user = 1, 7 do assert.same(many[user], few[user]) end
    assert.same(many[61], sums({users = 5, stream = 60})[1])
  end)

  it("counts the days that a step by hand finds: responses, the action within its bounds, what was observed", function()
    local env = prl.env("shortvideo", {n = 3, seed = 5})
    local spec, expected, clock = env:spec(), {}, {0, 0, 0}
    local constant, taken, place = {unpack(zero)}, {unpack(zero)}, {}
    for i, name in ipairs(spec.observation.names) do place[name] = i end
    constant[1], constant[2], taken[1], taken[2] = 3, -0.25, 1, -0.25 -- as far as the bound goes
    local action = prl.tensor({constant, constant, constant})
    local responses = #spec.responses
    for user = 1, 3 do
      expected[user] = {}
      for day = 1, 2 do
        expected[user][day] = {}
        for c = 1, 2 * responses + 2 + #zero + 2 do expected[user][day][c] = 0 end
      end
    end
    local observation = env:reset():totable()
    while math.min(clock[1], clock[2], clock[3]) < 2 * 86400e6 do
      local after, response, flags, _, elapsed = env:step(action)
      response, flags, elapsed = response:totable(), flags:totable(), elapsed:totable()
      for user = 1, 3 do
        local to = expected[user][math.floor(clock[user] / 86400e6) + 1]
        local function add(c, value) to[c] = to[c] + value end
        for r = 1, to and responses or 0 do
          add(r, response[user][r])
          if response[user][r] ~= spec.responses[r].missing then add(responses + r, 1) end
        end
        if to then
          local width = 2 * responses + 2
          add(width - 1, 1)
          add(width, flags[1][user])
          for k = 1, #zero do add(width + k, taken[k]) end
          add(width + #zero + 1, observation[user][place.length_taste])
          add(width + #zero + 2, observation[user][place.hour_sin])
        end
        clock[user] = clock[user] + tonumber(elapsed[user])
      end
      observation = after:totable()
    end
    assert.same(expected, sums {users = 3, constant = constant, observed = {"length_taste", "hour_sin"}})
  end)

  it("changes with the action, the seed and the days", function()
    local base = sums {}
    assert.are_not.same(base, sums {constant = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0}})
    assert.are_not.same(base, sums {seed = 6})
    local longer = sums {days = 4}
    for user = 1, 40 do assert.same(base[user][1], longer[user][1]) end
  end)

  it("refuses in one sentence what cannot be judged", function()
    local result, message = prl.panel("cartpole", nil, {users = 2, days = 1, constant = {0}})
    assert.is_nil(result)
    assert.equal('environment "cartpole" has no clock: simulated days cannot be counted', message)
    result, message = prl.panel("shortvideo", nil, {users = 2, constant = zero, threads = 65})
    assert.is_nil(result)
    assert.equal("65 threads; 1 to 64 are accepted", message)
    for _, name in ipairs {"users", "days", "threads", "seed", "stream"} do
      for _, wrong in ipairs {0 / 0, 1 / 0, -1 / 0, 1e300, 1.5} do
        assert.error_matches(function()
          prl.panel("shortvideo", nil, {users = 2, constant = zero, [name] = wrong})
        end, name .. " is .*; .* are accepted, in whole numbers")
      end
    end
    result, message = prl.panel("shortvideo", nil, {users = 2, days = 1})
    assert.is_nil(result)
    assert.truthy(message:find("one of them", 1, true))
    result, message = prl.panel("shortvideo", nil, {users = 2, agent = "/nowhere/agent.safetensors", threads = 2})
    assert.is_nil(result)
    assert.truthy(message:find("/nowhere/agent.safetensors", 1, true))
    assert.has_error(function() prl.panel("shortvideo", nil, {users = 0, constant = zero}) end)
    assert.has_error(function() prl.panel("shortvideo", nil, {users = 1, constant = {0}}) end)
    assert.has_error(function() prl.panel("shortvideo", nil, {users = 1, constant = zero, observed = {"activty"}}) end,
      'observed: environment "shortvideo" has no observation "activty"; the nearest is "activity"')
  end)

  describe("that is watched", function()
    local slow = files.path()

    -- A world where nothing ends: a request takes a microsecond.
    setup(function()
      assert(prl.io.write(slow, [[return {
        observation = {"x"}, action = {"continuous", a = {-1, 1}}, responses = {reward = {}}, clock = true,
        reset = function() return {0} end, step = function() return {0}, {reward = 1}, false, 1e-6 end}]]))
    end)

    local function panel(threads, watch)
      return prl.panel({lua = slow}, nil, {users = 9, days = 1, constant = {0}, threads = threads, watch = watch})
    end

    it("ends where the watch says so, in every thread", function()
      for _, threads in ipairs {1, 2, 5} do
        local asked = 0
        local sums_, message, code = panel(threads, function(done, total)
          assert(done == 0 and total == 9)
          asked = asked + 1
          return asked < 3
        end)
        assert.same({nil, "ESTOPPED", 3}, {sums_, code, asked})
        assert.matches("the panel was stopped after 0 of 9", message)
      end
    end)

    it("ends with what the watch raises", function()
      local ok, message = pcall(panel, 2, function() error({code = 7}, 0) end)
      assert.same({false, {code = 7}}, {ok, message})
    end)

    it("gives the same numbers as one that is not", function()
      local last
      local watched = sums {users = 3000, threads = 2, watch = function(done) last = done end}
      assert.is_true(last > 0 and last <= 3000)
      assert.same(sums {users = 3000, threads = 2}, watched)
    end)
  end)
end)
