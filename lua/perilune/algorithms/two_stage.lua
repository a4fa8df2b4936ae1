--- Two-stage constrained actor-critic (Cai et al. 2023, "Two-Stage Constrained Actor-Critic for Short Video Recommendation").
--- Stage one: for each auxiliary response a policy πᵢ and a critic of its own. Stage two: the policy π of the main response,
--- which is kept near them. λᵢ, the weight of an auxiliary critic in the objective, says how near; λ̄ᵢ = λᵢ/Σλ.
local multiplier = require "perilune.multiplier"
local nearest = require "perilune.nearest"
local prl = require "perilune"

local two_stage = {
  summary = "two-stage constrained actor-critic: a main policy near policies of auxiliary responses",
  actions = {"discrete", "multi_discrete", "continuous"},
  stale = "drop", -- a step acted under an older policy has no place in an on-policy gradient
  options = {
    main       = {"",    "",      "the critic of the main response; the others are auxiliary", structural = true},
    form       = {"tempered", "", "how π is kept near: exact, the closed form of the paper; tempered, the same with a small power "
                                  .. "of the policies' ratios (in both a single auxiliary critic has the same say whatever its "
                                  .. "weight); kl, a penalty on its divergence from each, times its weight",
                  choices = {"exact", "tempered", "kl"}, structural = true},
    first      = {5e5,   "steps", "length of stage one; 0: both stages at once, the auxiliary policies with their share of users",
                  structural = true, min = 0},
    share      = {0.1,   "",      "where both stages are at once: users of each auxiliary policy, for each of the main one", above = 0},
    off_policy = {nil,   "",      "auxiliary policies learn from all steps, by the ratio of densities up to this; false: from their "
                                  .. "own", above = 0},
    pull       = {0.005, "",      "tempered: power κ of the policies' ratios", min = 0},
    temperature = {1,    "",      "tempered: τ, by which the standardised advantage is divided", above = 0},
    divergence = {nil,   "nats",  "kl: the divergence from each auxiliary policy that its multiplier is driven to; false: the critics' "
                                  .. "weights are the multipliers", optional = true, above = 0},
    multiplier_lr = {0.01, "",    "step size of the logarithm of a multiplier that is driven", min = 0, scale = "log"},
    cap        = {10,    "",      "exact, tempered: greatest weight of a step", above = 0},
    rollout    = {5,     "steps", "steps per instance: an update takes this × env.n, or × agent.streams for a host",
                  structural = true, min = 1},
    lr         = {7e-4,  "",      "step size of the policies", min = 0, scale = "log"},
    critic_lr  = {7e-4,  "",      "step size of the critics", min = 0, scale = "log"},
    lambda     = {0.95,  "",      "λ of the generalised advantage estimate", min = 0, max = 1},
    entropy    = {0.01,  "",      "weight of the entropy bonus of each policy", min = 0},
    max_norm   = {0.5,   "",      "clips the gradient norm of each policy and critic to this", min = 0},
  },
  metrics = {
    policy_loss = {"Policy loss", "What the update of a policy minimises."},
    value_loss = {"Value loss", "Squared error of the critics, in units of normalised returns."},
    entropy = {"Entropy", "Of the main policy, in nats: how much it still explores."},
    effective = {"Effective sample size", "Of the steps of the main policy, by their weights: (Σw)²/Σw², as a share of them."},
    cap_rate = {"Capped weights", "Share of the main policy's steps whose weight met its cap."},
    kl = {"Divergence from an auxiliary policy", "KL(π‖πᵢ) of the main policy at its own steps, in nats."},
    stage = {"Stage two", "0: the auxiliary policies learn; 1: the main one does."},
  },
  optimizer = {"adam", epsilon = 1e-5},
}

--- Mean of x (rows) over the rows of this mask, 0 where there are none.
local function mean_of(x, mask) return (x * mask):sum() / mask:sum():maximum(1) end

--- Standardised over the rows of the mask.
local function standardised(x, mask)
  local centred = x - mean_of(x, mask)
  return centred / (mean_of(centred:square(), mask) + 1e-8):sqrt()
end

-- ---- stage one ----

--- The loss of an auxiliary policy and its critic, over its own rows (mask) or, by capped ratios, all of them.
local function auxiliary_loss(learn, opt, batch, one, mask)
  local pi, name = one.policy(batch.obs), one.critic.name
  local log_prob = pi:log_prob(batch.action)
  local weight = opt.off_policy and prl.minimum((log_prob - batch.log_prob):exp(), opt.off_policy):detach() or mask
  local gain = standardised(batch.advantages[name], weight)
  local policy_loss = -mean_of(gain * log_prob, weight)
  local value_loss = mean_of((one.critic(batch.obs) - batch.returns[name]):square(), weight)
  learn:metric("policy_loss/" .. name, policy_loss)
  learn:metric("value_loss/" .. name, value_loss)
  return policy_loss - opt.entropy * mean_of(pi:entropy(), weight) + value_loss
end

-- ---- stage two: losses of the main policy over its rows (mask) ----

--- λᵢ the critic's weight, or what is driven.
local function multiplier_of(one)
  if not one.log_multiplier then return one.objective.weight:maximum(0) end
  return multiplier.value(one.log_multiplier)
end

--- Σᵢ λ̄ᵢ log(πᵢ/π_old), and Σλ.
local function nearness(batch, auxiliaries)
  local sum, total
  for _, one in ipairs(auxiliaries) do
    local term = one.multiplier * (one.pi:log_prob(batch.action) - batch.log_prob)
    sum = sum and sum + term or term
    total = total and total + one.multiplier or one.multiplier
  end
  total = total:maximum(1e-6) -- all of them may be 0
  return sum / total, total
end

--- The weight of each step, and the loss.
local losses = {}

--- w = Πᵢ(πᵢ/π_old)^λ̄ᵢ · exp(A/Σλ), −w log π (Cai et al. 2023, eq. 9 and 10), with a cap, in log space. With one auxiliary
--- response the exponent is 1 whatever λ; over several dimensions of the action few weights are then not 0.
function losses.exact(opt, batch, auxiliaries, gain, mask)
  local near, total = nearness(batch, auxiliaries)
  local log_weight = near + gain / total
  return log_weight:minimum(opt.cap:log()):exp(), function(w, log_prob) return -mean_of(w * log_prob, mask) end
end

--- w = min(exp(κ Σ λ̄ᵢ log(πᵢ/π_old) + Â/τ), cap) over its mean, −(w − 1) log π: with κ 0 advantage-weighted, and about the
--- policy gradient for a large τ.
function losses.tempered(opt, batch, auxiliaries, gain, mask)
  local near = nearness(batch, auxiliaries)
  local log_weight = opt.pull * near + standardised(gain, mask) / opt.temperature
  local weight = log_weight:minimum(opt.cap:log()):exp()
  return weight, function(w, log_prob)
    return -mean_of((w / mean_of(w, mask):maximum(1e-8) - 1) * log_prob, mask)
  end
end

--- −Â log π + Σᵢ λᵢ KL(π‖πᵢ), in closed form.
function losses.kl(_, _, auxiliaries, gain, mask)
  return mask, function(_, log_prob)
    local loss = -mean_of(standardised(gain, mask) * log_prob, mask)
    for _, one in ipairs(auxiliaries) do loss = loss + one.multiplier:detach() * mean_of(one.kl, mask) end
    return loss
  end
end

--- Σᵢ λᵢ (ε − KL(π‖πᵢ)), whose descent raises λᵢ while π is too far away.
local function multiplier_loss(learn, opt, auxiliaries, mask)
  local loss
  for _, one in ipairs(auxiliaries) do
    local term = multiplier.loss(one.multiplier, opt.divergence, mean_of(one.kl, mask))
    learn:metric("multiplier/" .. one.critic.name, one.multiplier)
    loss = loss and loss + term or term
  end
  return loss
end

local function report_weights(learn, opt, weight, mask)
  local sum, squares = (weight * mask):sum(), (weight:square() * mask):sum()
  local rows = mask:sum()
  local effective = sum:square() / squares:maximum(1e-30) / rows:maximum(1)
  learn:metric("effective", prl.where(prl.gt(rows, 0), effective, 1)) -- in stage one there are none
  learn:metric("cap_rate", mean_of(prl.ge(weight, opt.cap * 0.9999), mask))
end

local function main_loss(learn, opt, batch, main, auxiliaries, mask)
  local pi, name = main.policy(batch.obs), main.critic.name
  local log_prob = pi:log_prob(batch.action)
  for _, one in ipairs(auxiliaries) do
    one.pi = one.policy.fixed(batch.obs)
    one.kl, one.multiplier = pi:kl(one.pi), multiplier_of(one)
    learn:metric("kl/" .. one.critic.name, mean_of(one.kl, mask))
  end
  local weight, loss_of = losses[opt.form](opt, batch, auxiliaries, batch.advantages[name], mask)
  local fixed = weight:detach()
  local policy_loss = loss_of(fixed, log_prob)
  local value_loss = mean_of((main.critic(batch.obs) - batch.returns[name]):square(), mask)
  local entropy = mean_of(pi:entropy(), mask)
  learn:metric("policy_loss/" .. name, policy_loss)
  learn:metric("value_loss/" .. name, value_loss)
  learn:metric("entropy", entropy)
  local loss = policy_loss - opt.entropy * entropy + value_loss
  if opt.form ~= "kl" then report_weights(learn, opt, fixed, mask) end
  return opt.divergence and loss + multiplier_loss(learn, opt, auxiliaries, mask) or loss
end

-- ---- the algorithm ----

--- The main response and the auxiliary ones: {policy, critic, objective} each.
local function responses(learn, opt)
  local critics, objective, main, auxiliaries = learn:critics(), learn:objective(), nil, {}
  for i, critic in ipairs(critics) do
    local one = {critic = critic, objective = objective[i]}
    if critic.name == opt.main then main = one else auxiliaries[#auxiliaries + 1] = one end
  end
  main.policy = learn:policy "policy"
  for _, one in ipairs(auxiliaries) do
    one.policy = learn:policy("auxiliary/" .. one.critic.name)
    if opt.divergence then
      one.log_multiplier = multiplier.new(learn, "multiplier/" .. one.critic.name, 0.01)
    end
  end
  return main, auxiliaries
end

--- Which stage it is, as the name of a number: 1 in the first, then 0. Both at once: nil.
local function stage_of(learn, opt)
  if opt.first == 0 then return nil end
  return learn:scalar("stage_one", {kind = "piecewise", points = {{0, 1}, {opt.first, 1}, {opt.first + 1, 0}}}, 0, 1)
end

local function serve(learn, opt, main, auxiliaries, stage)
  local list = {{main.policy, share = 1}}
  if stage then
    list[1].share = learn:scalar("stage_two", {kind = "piecewise", points = {{0, 0}, {opt.first, 0}, {opt.first + 1, 1}}}, 0, 1)
  end
  for i, one in ipairs(auxiliaries) do list[i + 1] = {one.policy, share = stage or opt.share} end
  learn:serve(list)
end

function two_stage.build(learn, opt)
  local main, auxiliaries = responses(learn, opt)
  local stage = stage_of(learn, opt)
  serve(learn, opt, main, auxiliaries, stage)
  local update = learn:program(function(batch)
    local first = stage and learn:live_scalar(stage)
    local second = first and 1 - first or 1
    local loss = main_loss(learn, opt, batch, main, auxiliaries, prl.eq(batch.arm, 0))
    local steps = {policy = opt.lr * second, critics = opt.critic_lr, max_norm = opt.max_norm}
    for i, one in ipairs(auxiliaries) do
      loss = loss + auxiliary_loss(learn, opt, batch, one, prl.eq(batch.arm, i))
      steps[one.policy.set] = first and opt.lr * first or opt.lr
      if one.log_multiplier then steps["multiplier/" .. one.critic.name] = opt.multiplier_lr * second end
    end
    if first then learn:metric("stage", second) end
    learn:minimise(loss, steps)
  end)
  return {learn:collect(opt.rollout), learn:freeze(), learn:rewards(), learn:values(), learn:advantages {lambda = opt.lambda},
    update, learn:publish()}
end

function two_stage.refusal(opt, recipe)
  local known = {}
  for _, name in ipairs(recipe.critics) do known[name] = true end
  if not known[opt.main] then
    return "main", ("expected the critic of the main response, got %q%s"):format(opt.main,
      nearest.hint_or_list(opt.main, recipe.critics))
  end
  if #recipe.critics == 1 then
    return "main", ("%s is the only critic; an auxiliary one is needed, with λ as its weight"):format(opt.main)
  end
  if opt.first >= recipe.steps then
    return "first", ("stage one takes %.0f steps, and train.steps is %.0f: the main policy would learn nothing"):format(opt.first,
      recipe.steps)
  end
  if recipe.constrained then
    return "main", "two_stage has no use for objective.constraints: weights of auxiliary critics are its multipliers"
  end
  if opt.divergence and opt.form ~= "kl" then
    return "divergence", ("only the form kl has multipliers to drive, and form is %s"):format(opt.form)
  end
  if recipe.trunk == "shared" then return "main", 'several policies share no trunk: policy.trunk is "shared"' end
end

return two_stage
