--- Behaviour cloning (Pomerleau 1989; Bain & Sammut 1995): a policy learns to act as another one did, from pairs of observations
--- and actions, without rewards:
---
---     loss = −mean over steps of log π(a|s)        or, with loss = "mse", the mean of Σ (μ(s) − a)², in units of the action
---
--- The actions are those of a run's policy, which acts in the environment, or says what it would have done in what the clone
--- itself met (Ross et al. 2011, "A reduction of imitation learning"); or those in the replay memory, whoever acted them. What is
--- left is a policy like any other, from which another recipe may begin (policy.start).
local prl = require "perilune"

local bc = {
  summary = "behaviour cloning of a run's policy, or of the steps in a replay memory",
  actions = {"discrete", "multi_discrete", "continuous"},
  stale = "keep", -- what is learned does not depend on who acted
  options = {
    from      = {nil, "",       "the run's folder or agent's file whose policy is cloned: it acts; false: steps in the memory are",
                 structural = true, kind = "saved"},
    memory    = {nil, "steps",  "steps that are kept, to clone whoever acted them; false: none, a run is cloned", structural = true,
                 min = 1, max = 2 ^ 28, integer = true},
    label     = {"acted", "",   "of a run: acted, the actions that its policy took, noise and all; mean, the mean or most probable "
                 .. "action that it has there, also for steps of the clone", choices = {"acted", "mean"}, structural = true,
                 of = "from"},
    own       = {0, "",         "of a run: episodes that the clone acts itself, for each one that the run's policy acts; with them label "
                 .. "is mean", min = 0, of = "from"},
    loss      = {"likelihood", "", "likelihood: −log π(a|s), which learns how wide the policy is, too; mse: squared error of the mean of "
                 .. "continuous actions", choices = {"likelihood", "mse"}, structural = true},
    rollout   = {128, "steps",  "steps per instance between two updates, or two rounds of them from the memory",
                 structural = true, min = 1},
    minibatch = {256, "steps",  "steps of a minibatch", structural = true, min = 1, max = 2 ^ 20},
    epochs    = {4, "",         "of a run: passes over what was collected", structural = true, min = 1, of = "from"},
    start     = {1000, "steps", "of a memory: steps before the first update", structural = true, min = 0, integer = true, of = "memory"},
    updates   = {0.0625, "",    "of a memory: updates for each step that was made", min = 0, of = "memory"},
    lr        = {1e-3, "",      "step size of the policy", min = 0, scale = "log"},
    max_norm  = {0.5, "",       "clips the gradient norm of the policy to this", min = 0},
  },
  metrics = {
    policy_loss = {"Loss of the clone", "What is minimised: −log π(a|s), or the squared error of the mean."},
    entropy = {"Entropy", "Of the clone, in nats: how wide it is."},
    imitation_error = {"Error of the clone", "Mean square by which its mean misses the action that it learns, summed over dimensions; of "
      .. "choices: the share that its most probable one misses."},
  },
  optimizer = {"adam", epsilon = 1e-5},
}

--- The program that clones: actor, the policy that learns; label(batch): its actions (rows, A), and the rows that count (rows), nil
--- where all do.
local function cloning(learn, opt, actor, label)
  local choices = learn:action().kind ~= "continuous"
  return learn:program(function(batch)
    local pi = actor(batch.obs)
    local action, counted = label(batch)
    local function mean(x) return counted and (x * counted):sum() / counted:sum():maximum(1) or x:mean() end
    local missed = actor.to_env(pi:mean()) - action
    local miss = choices and 1 - prl.eq(missed, 0) or missed:square()
    local loss = opt.loss == "mse" and mean(miss:sum(2)) or -mean(pi:log_prob(action))
    learn:metric("policy_loss", loss)
    learn:metric("entropy", pi:entropy():mean())
    learn:metric("imitation_error", mean(miss:sum(2)))
    learn:minimise(loss, {[actor.group] = opt.lr, max_norm = opt.max_norm})
  end)
end

local function of_run(learn, opt)
  local clone, run = learn:policy "policy", learn:saved("from", opt.from)
  learn:serve {{clone, share = opt.own}, {run, share = 1}}
  local update = cloning(learn, opt, clone, function(batch)
    if opt.label == "mean" then return run(batch.obs):mean() end
    return batch.action, prl.eq(batch.arm, 1)
  end)
  return {learn:collect(opt.rollout), learn:freeze(), learn:rewards(),
    learn:epochs(opt.epochs, {learn:minibatches(opt.minibatch, {update})}), learn:publish()}
end

local function of_memory(learn, opt)
  local update = cloning(learn, opt, learn:actor(), function(batch) return batch.action end)
  return {learn:collect(opt.rollout), learn:remember(opt.memory),
    learn:updates {ratio = opt.updates, start = opt.start, body = {learn:sample {size = opt.minibatch}, update}}, learn:publish()}
end

function bc.build(learn, opt) return (opt.from and of_run or of_memory)(learn, opt) end

function bc.refusal(opt, recipe)
  if (opt.from and true) == (opt.memory and true) then
    return "from", ('one of from, as in from = "runs/…", and memory says what is cloned; %s'):format(opt.from and "both are given" or
      "none is given")
  end
  if opt.loss == "mse" and recipe.actions and recipe.actions ~= "continuous" then
    return "loss", ("mse is of continuous actions, and those here are %s"):format(recipe.actions)
  end
  if opt.from and opt.own ~= 0 and opt.label ~= "mean" then
    return "label", "the clone acts itself (own), and what it did is nothing to learn: expected mean, got acted"
  end
  if opt.from and recipe.trunk == "shared" then return "from", 'the clone and the run share no trunk: policy.trunk is "shared"' end
end

return bc
