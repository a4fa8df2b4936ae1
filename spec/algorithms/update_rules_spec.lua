--- Whole updates of sac and td3 by an agent's own schedule, against float64 values of the papers' equations
--- (spec/fixtures/make_update_fixtures.py): two critics with discounts and weights of their own, one of them negative, rows that
--- were terminated and truncated, fixed noise. An agent's file gets the fixture's parameters and batch, as if it had been saved
--- behind `sample`; the agent that is loaded from it goes on to the update's end.

local prl = require "perilune"
local recipes = require "support.recipes"

local fixtures = dofile "spec/fixtures/updates.lua"

local text = [[
  return {
    env = {"host", observation = {"x", "y", "z"}, action = {"continuous", aim = {-1, 2}, push = {0, 4}},
      responses = {loss = {}, win = {}}},
    objective = {critics = {
      cost = {reward = function(r) return r.loss end, gamma = 0.6, weight = -0.5},
      gain = {reward = function(r) return r.win end, gamma = 0.9},
    }},
    policy = {hidden = {4}, activation = "tanh"},
    algorithm = {%s, memory = 100, start = 0, minibatch = 6, tau = 0.25, lr = 0.05, critic_lr = 0.03, optimizer = {"sgd"}},
    agent = {streams = 4},
    train = {steps = 10},
  }
]]

local function int64(...) return prl.tensor({...}, "int64") end
local function int32(list) return prl.tensor(list, "int32") end

--- The parameters of a set, each list from a multiple of 16 numbers on (runtime/optim/params.h).
local function slab(parts)
  local out = {}
  for _, part in ipairs(parts) do
    for _, number in ipairs(part) do out[#out + 1] = number end
    while #out % 16 > 0 do out[#out + 1] = 0 end
  end
  return prl.tensor(out)
end

--- The fixture's batch as the blocks of a file: observations, then those of the next states that are there.
local function blocks_of(batch)
  local rows, observed, successor, ends = #batch.ends, {}, {}, {}
  for _, number in ipairs(batch.obs) do observed[#observed + 1] = number end
  for i, stop in ipairs(batch.ends) do
    ends[i], successor[i] = stop, -1
    if stop ~= 1 then
      successor[i] = #observed / 3
      for k = 1, 3 do observed[#observed + 1] = batch.next_obs[3 * (i - 1) + k] end
    end
  end
  local none, order = {}, {}
  for i = 1, rows do none[i], order[i] = 0, i - 1 end
  local all, both = #observed / 3, prl.tensor(none)
  local blocks = {
    ["batch.counts"] = int64(rows, all - rows, all), ["batch.observation"] = prl.tensor(observed),
    ["batch.action"] = prl.tensor(batch.action), ["batch.successor"] = int32(successor), ["batch.end"] = int32(ends),
    ["batch.stream"] = int32(none), ["batch.step"] = int32(none), ["batch.order"] = int32(order),
    ["batch.log_prob"] = both, ["batch.elapsed"] = both, ["batch.advantage"] = both,
    ["batch.response"] = batch.response and prl.tensor(batch.response) or prl.zeros(2 * rows), ["batch.version"] = int64(unpack(none)),
    ["draw.noise"] = prl.tensor(batch.noise), ["draw.next_noise"] = prl.tensor(batch.next_noise),
  }
  for i, name in ipairs {"cost", "gain"} do
    local critic = ("critic.%d."):format(i - 1)
    blocks[critic .. "reward"] = prl.tensor(batch["reward/" .. name])
    blocks[critic .. "bootstrap"] = prl.tensor(batch["discount/" .. name])
    blocks[critic .. "advantage"], blocks[critic .. "returns"] = both, both
    blocks[critic .. "value"] = prl.zeros(all)
  end
  return blocks
end

describe("a whole update of", function()
  local folder
  setup(function() folder = recipes.folder() end)

  --- The agent in the file with these blocks instead, at the first verb behind `sample`, after one update.
  local function update(path, blocks)
    local tensors, metadata = assert(prl.io.safetensors_read(path))
    for name, tensor in pairs(blocks) do tensors[name] = tensor end
    local cursor = tensors["schedule.2.updates"]:totable()
    tensors["schedule.2.updates"], tensors["schedule.at"], metadata.verb = int64(0, 1, cursor[3]), int64(4), "run"
    local list = {}
    for name, tensor in pairs(tensors) do list[#list + 1] = {name, tensor} end
    assert(prl.io.safetensors_write(path, list, metadata))
    local agent = assert(prl.load_agent(path))
    local progress = agent:learn()
    assert(agent:save(path))
    return assert(prl.io.safetensors_read(path)), progress
  end

  local function check(name, options)
    local fixture = fixtures[name]
    local loaded = assert(recipes.load(folder, text:format(options)))
    local path, blocks = folder .. name .. ".safetensors", {}
    assert(prl.agent(prl.recipe.plan(loaded)):save(path))
    for set, parts in pairs(fixture.before) do blocks["params." .. set] = slab(parts) end
    for number, batch in ipairs(fixture.batches) do
      for key, tensor in pairs(blocks_of(batch)) do blocks[key] = tensor end
      local after, progress = update(path, blocks)
      assert.equal(number, progress.updates)
      for set, parts in pairs(fixture.after[number]) do
        local wanted, found = slab(parts):totable(), after["params." .. set]:totable()
        assert.equal(#wanted, #found)
        for i, value in ipairs(wanted) do
          if math.abs(found[i] - value) > 2e-6 * math.max(1, math.abs(value)) then
            error(("update %d: number %d of %s is %.9g, not %.9g"):format(number, i, set, found[i], value))
          end
        end
      end
      blocks = {}
    end
  end

  it("sac is that of the papers", function()
    check("sac", '"sac", alpha_lr = 0.02, entropy = -0.7, entropy_gamma = 0.8')
  end)

  it("sac with noise that depends on the state is that of the papers", function()
    check("gsde", '"sac", exploration = {"gsde", steps = 2}, alpha_lr = 0.02, entropy = -0.7, entropy_gamma = 0.8')
  end)

  it("td3 is that of the paper", function() check("td3", '"td3", noise = 0.1, smooth = 0.4, smooth_clip = 0.5') end)

  local model = ', continuation = {"model", responses = {"loss"}, per = "win", hidden = {4}, lr = 0.07}'

  it("sac with a model of who goes on is as written out", function()
    check("sac_continuation", '"sac", alpha_lr = 0.02, entropy = -0.7, entropy_gamma = 0.8' .. model)
  end)

  it("td3 with a model of who goes on is as written out", function()
    check("td3_continuation", '"td3", noise = 0.1, smooth = 0.4, smooth_clip = 0.5' .. model)
  end)
end)
