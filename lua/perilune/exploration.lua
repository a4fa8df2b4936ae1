--- How an actor-critic that learns on policy explores, as an option of its own that algorithms share:
---
---     options = {…, exploration = exploration.option}, metrics = exploration.metrics {…},
---     local explore = exploration.begin(learn, opt.exploration)    -- before learn:actor() and learn:critics()
---     loss = policy_loss - explore.entropy(opt.entropy) * entropy
---     {learn:collect(…), learn:estimate {…}, {update, explore.update}, explore.last, learn:publish()}
---
--- and `exploration.refusal` in the algorithm's own. What needs more of the algorithm than this is not here.

local prl = require "perilune"

local exploration = {}

exploration.option = {nil, "", "what is paid or changed so that the policy tries what it does not know, as in {\"rnd\"}; false: "
  .. "nothing but the draws of its actions", of = "exploration", forms = {
    rnd = {
      observes = {nil, "", "observations whose novelty is paid; default: those that the env says actions influence", structural = true,
                  kind = "texts"},
      weight   = {1,    "",      "weight of the advantage of novelty beside those of the objective", min = 0},
      gamma    = {0.99, "",      "discount of novelty, whose return goes on over the ends of episodes", min = 0, max = 1},
      lr       = {1e-4, "",      "step size of the predictor", min = 0, scale = "log"},
      hidden   = {{64, 64}, "units", "widths of the hidden layers of both networks", structural = true, kind = "sizes"},
      outputs  = {32,   "",      "numbers that the predictor predicts", structural = true, min = 1, max = 65536},
      clip     = {5,    "",      "normalised observations are clipped to ± this", structural = true, above = 0},
    },
    parameter_noise = {
      width      = {0.05, "",    "deviation of what is added to each parameter of the policy, at the start", structural = true, above = 0},
      divergence = {0.05, "nats", "the perturbed policy is kept at this divergence from the other: the width grows below it and "
                    .. "falls above it", above = 0},
      factor     = {1.05, "",    "factor of the width from an update to the next", min = 1},
    },
    lasting_noise = {
      width    = {1,    "",      "deviation of what is added to the mean of continuous actions, or to the logits of choices: a linear "
                  .. "function of the observations that is drawn for each session; a schedule anneals it", min = 0},
      steps    = {0,    "steps", "steps of an episode that a draw lasts; 0: the whole episode", structural = true, min = 0,
                  max = 2 ^ 28},
    },
    state_noise = {
      init     = {0,    "",      "logarithm of the width in each state at the start: the deviation of continuous actions, as "
                  .. "log_std.kind = \"state\" has it; of choices a temperature, by which their logits are divided", structural = true},
    },
    entropy = {
      weight   = {0.01, "",      "weight of the entropy bonus, in place of the option entropy; a schedule anneals it", min = 0},
    },
  }}

--- The algorithm's metrics and those of exploration.
function exploration.metrics(own)
  own.predictor_loss = {"Predictor's loss", "Novelty of the rows as the predictor learns them.", of = "exploration"}
  own.perturbation_kl = {"Perturbation, divergence",
    "KL(π‖π̃) of the policy from the perturbed one that acted, after the update, in nats.", of = "exploration"}
  return own
end

--- Random network distillation (Burda et al. 2018, sections 2.2 to 2.4): the novelty of a state is how badly a predictor f knows
--- what a fixed random network f* says of it, ‖f(s′) − f*(s′)‖². It falls with the number of visits, as f learns from them.
local function rnd(learn, given)
  local observes = given.observes or learn:influenced()
  local shape = {inputs = {#observes}, outputs = given.outputs, hidden = given.hidden, activation = "relu"}
  local predictor = learn:network("predictor", shape)
  shape.fixed = true
  local random = learn:network("random", shape)
  local function novelty(batch)
    return (predictor(batch.arrival) - random(batch.arrival)):reshape(-1, given.outputs):square():sum(2)
  end
  learn:novelty(novelty, {observes = observes, clip = given.clip, gamma = given.gamma, weight = given.weight})
  return {update = learn:program(function(batch)
    local loss = novelty(batch):mean()
    learn:metric("predictor_loss", loss)
    learn:minimise(loss, {predictor = given.lr})
  end)}
end

--- Noise in the policy's parameters (Plappert et al. 2018): what acts between two updates is the policy with all its parameters
--- perturbed, so that it does the same in the same state. The gradient is that of the perturbed policy, whose densities rows
--- have, which is that of E over the noise of the return.
local function parameter_noise(learn, given)
  local plain = learn:perturb_actor(given.width)
  local perturbed = learn:actor()
  local measure = learn:program(function(batch)
    learn:metric("perturbation_kl", plain(batch.obs):kl(perturbed(batch.obs)):mean())
  end)
  return {last = {measure, learn:perturb {set = "perturbation", distance = "perturbation_kl", target = given.divergence,
    factor = given.factor}}}
end

local kinds = {
  rnd = rnd,
  parameter_noise = parameter_noise,
  lasting_noise = function(learn, given) learn:shift_actor {width = given.width, every = given.steps} end,
  state_noise = function(learn, given) learn:widen_actor(given.init) end,
  entropy = function(_, given) return {entropy = function() return given.weight end} end,
}

--- What the algorithm does with its option: {update: verbs for each minibatch, last: verbs before learn:publish, entropy(weight):
--- that of the bonus}. It comes before learn:actor and learn:critics.
function exploration.begin(learn, given)
  local own = given and kinds[given[1]](learn, given) or {}
  return {update = own.update or {}, last = own.last or {}, entropy = own.entropy or function(weight) return weight end}
end

-- ---- What is refused ----

--- What is wrong with the observations whose novelty is paid.
local function unseen(given, recipe)
  for i, name in ipairs(given.observes or {}) do
    local known = false
    for _, one in ipairs(recipe.observations) do known = known or one == name end
    if not known then
      return "exploration.observes." .. i, prl.no_name("the env", "observation", name, recipe.observations)
    end
  end
  if given.observes and #given.observes == 0 then
    return "exploration.observes", "expected at least one observation, got {}"
  end
  if not given.observes and #recipe.influenced == 0 then
    return "exploration", ("the env does not say which observations actions influence (`influenced`); observes = {…} names some of %s")
      :format(table.concat(recipe.observations, ", "))
  end
end

-- By kind: (its options, the recipe, what the algorithm has beside) → the option's path and a sentence.
local refusals = {}

function refusals.rnd(given, recipe)
  for _, name in ipairs(recipe.critics) do
    if name == "novelty" then return "exploration", "rnd has a critic of its own, novelty, and the objective has one of that name" end
  end
  return unseen(given, recipe)
end

function refusals.parameter_noise(_, recipe)
  if recipe.trunk ~= "shared" then return nil end
  return "exploration", "parameter_noise perturbs the policy alone, and policy.trunk shares its layers with the critics"
end

function refusals.lasting_noise(_, recipe, beside)
  if recipe.memory then return "exploration", "lasting_noise shifts means by the observations, and policy.memory sees more than those" end
  if not beside.correction then return nil end
  return "exploration", "lasting_noise has densities given what lasts, and a correction asks for them without"
end

function refusals.state_noise(_, recipe)
  if recipe.actions ~= "continuous" or recipe.log_std ~= "fixed" then return nil end
  return "exploration", 'state_noise learns a deviation for each state, and policy.log_std.kind is "fixed"'
end

local of_memory = {entropy = true, state_noise = true} -- these need nothing of a row that a replay memory does not keep

--- As `refusal` of an algorithm's file, for its own to ask. beside: {memory =, correction =}, of the algorithm's options.
function exploration.refusal(opt, recipe, beside)
  local given = opt.exploration
  local kind = given and given[1]
  if not kind or not recipe.observations then return nil end -- or the env itself is wrong
  if beside.memory and not of_memory[kind] then
    return "exploration", ("%s explores for steps that are learned from once, and algorithm.memory keeps them"):format(kind)
  end
  if refusals[kind] then return refusals[kind](given, recipe, beside) end
end

return exploration
