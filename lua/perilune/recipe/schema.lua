--- The one description of what a recipe may say. It checks (validate.lua), fills defaults, and feeds `describe`.
---
--- An option is {name, kind, default, unit, meaning, …}; further fields:
---   live                   its value may change without a rebuild, and may be a schedule over env steps
---   min, max, above        the range of a number; above is excluded
---   integer                a whole number
---   choices                the words that a `choice` accepts
---   optional               false is accepted and means that it is not used
---   required               there is no default
---   fields                 the options of a `section`
--- Kinds: number, boolean, text, choice, texts, sizes, memory, observes, embed, duration, reward, scale, section, and those that
--- validate.lua checks as a whole: env, control, critics, constraints, multiplier, dimensions, start, algorithm, optimizer,
--- references.
--- Every kind is checked by the function of its name in values.lua.
---
--- The resolved recipe has every option in its place:
---   name, tags
---   env        {"pendulum", n, preset or nil, its options}, {c = file, …}, {lua = file, …}, or {"host", …,
---              action, responses}
---   objective  {critics = {name = {reward = tree, gamma, lambda or nil, per, weight, scale,
---              observes or nil, hidden, activation}},
---               constraints = {name = {critic, at_least or at_most, per, unit, window, multiplier}} or nil}
---   policy     {hidden, activation, …, observes = {names} or {hide = {…}} or nil, embed = {name = {vocabulary, width}} or nil,
---              memory = {"gru", width, stretch} or nil, action = {dimension = {low, high} or number}}
---   algorithm  {"ppo", its options, optimizer = {"adam", its fields}}; false for an optional option that is not used, or
---              nothing for one `of` another
---   references {name = {"runs/…", digest}} or nil
---   train, eval, agent
--- A live number is a number or a schedule: {kind = "linear", from, to, over}, {kind = "cosine", from, to, over},
--- {kind = "warmup", to, over}, {kind = "piecewise", points = {{step, value}, …}}, {kind = "expression", tree}, where
--- {"r", "step"} in the tree is the step. `over` is always there. Durations are seconds.

local nearest = require "perilune.nearest"

local schema = {}

schema.activations = require("perilune").nn.activations
schema.combines = {"sum", "last", "first", "max"}
schema.units = {"step", "second", "minute", "hour", "day"}
schema.scalars = {"linear", "cosine", "warmup", "piecewise", "expression"}

local function option(name, kind, default, unit, meaning, more)
  local result = {name = name, kind = kind, default = default, unit = unit, meaning = meaning}
  for key, value in pairs(more or {}) do result[key] = value end
  return result
end

schema.critic = {
  option("reward", "reward", nil, "",
    "the reward of a step: a function of the env's responses, as in function(r) return r.reward end; default: " ..
    "the response of the critic's name"),
  option("gamma", "number", 0.99, "", "discount factor", {live = true, min = 0, max = 1}),
  -- These two without a default, so that recipes from before them keep their hashes.
  option("lambda", "number", nil, "", "λ of its generalised advantage estimate; default: the algorithm's",
    {live = true, min = 0, max = 1}),
  option("observes", "observes", nil, "", 'which observations it reads, as policy.observes says it; default: as the policy'),
  option("per", "choice", "step", "",
    "the span that gamma discounts: a step, or a time, when the discount between two steps is gamma^(Δt / per). A time " ..
    "needs an env with a clock, or a host", {choices = schema.units}),
  option("weight", "number", 1, "", "weight of its advantage in what the actor maximises", {live = true}),
  option("scale", "scale", 1, "",
    'divisor of the reward; "baseline": its mean absolute value per step over the warm-up, of 32 steps or more'),
  option("hidden", "sizes", nil, "units",
    "widths of its hidden layers; default: the policy's, or none over a shared trunk"),
  option("activation", "choice", nil, "", "activation of its hidden layers; default: the policy's",
    {choices = schema.activations}),
}

--- How a multiplier is learned.
schema.learned = {
  option("lr", "number", 0.01, "", "step size: the multiplier moves by this for a violation of the whole bound", {min = 0}),
  option("kp", "number", 0, "", "what it has besides for as long as there is such a violation: damps swings", {min = 0}),
  option("kd", "number", 0, "", "what it has besides while the violation changes by so much from update to update", {min = 0}),
  option("init", "number", 0, "", "its value at the start", {min = 0}),
  option("max", "number", 10, "", "its bound", {min = 0}),
}

schema.constraint = {
  option("critic", "text", nil, "", "the critic whose reward is constrained; default: that of the constraint's name"),
  option("at_least", "bound", nil, "", "the least that it may come to, per unit of `per`: a number, or relative(-0.005) to what the " ..
    "control group comes to, agent.baseline; or else"),
  option("at_most", "bound", nil, "", "the most"),
  option("per", "choice", "step", "", "what it is a mean of: steps, whole episodes, or days of a user, for envs with a clock",
    {choices = {"step", "episode", "user_day"}}),
  option("unit", "number", nil, "", "a violation of this size counts as 1; default: the size of the bound", {above = 0}),
  option("window", "number", 1000, "units", "the mean is over the last so many; no step of the multiplier before a quarter of " ..
    "them has come", {integer = true, min = 1, max = 2 ^ 24}),
  option("multiplier", "multiplier", nil, "", "what a unit of the critic is worth to the actor beside its weight: a number " ..
    "that may change while it learns, or learned {lr = 0.01, init = 0, max = 10}; default: learned {}"),
}

schema.objective = {
  option("critics", "critics", nil, "",
    "one critic for each part of the objective, by name; default: one for the response `reward`"),
  -- Without a default, so that recipes without constraints keep their hashes.
  option("constraints", "constraints", nil, "",
    "what critics' rewards may come to at least or at most, by name, undiscounted and unscaled: the actor's weight of such " ..
    "a critic is (w ± λ)/(1 + Σλ), that of another w/(1 + Σλ)"),
}

--- Fields of policy.observes.
schema.observes = {
  option("hide", "texts", nil, "", 'names of observations that are not seen, where * stands for any letters, as in {"last_*"}',
    {required = true}),
}

--- Fields of policy.embed.NAME.
schema.embedded = {
  option("vocabulary", "number", nil, "ids", "how many ids there are, from 0; -1 stands for none",
    {required = true, integer = true, min = 1, max = 2 ^ 24}),
  option("width", "number", nil, "units", "numbers that networks see of an id", {required = true, integer = true, min = 1, max = 65536}),
}

schema.policy = {
  option("hidden", "sizes", {64, 64}, "units", "widths of the hidden layers"),
  option("activation", "choice", "tanh", "", "activation of the hidden layers", {choices = schema.activations}),
  option("lua", "text", nil, "",
    "a Lua file beside the recipe that makes the actor's layers, in place of hidden and activation; needs --trust"),
  option("trunk", "choice", "separate", "", "shared: actor and critics share the hidden layers",
    {choices = {"separate", "shared"}}),
  -- These three without a default, so that recipes from before them keep their hashes.
  option("observes", "observes", nil, "", 'which observations actor and critics see: {"x", "last_*"}, those, or ' ..
    '{hide = {"mean_action_*"}}, all but those; default: all'),
  option("embed", "embed", nil, "", "observations that are ids, by name, as in {video = {vocabulary = 5000, width = 8}}: networks see " ..
    "a row of numbers for each, which is learned; of a bag of ids, video_1, video_2, …, the mean of their rows. false: none"),
  option("memory", "memory", nil, "", "a gated recurrent unit before what acts and judges, over the observations or a shared " ..
    'trunk, as in {"gru", 64, stretch = 32}: 64 numbers that go on through an episode; stretch: steps that gradients go back ' ..
    "through it. false: the policy knows nothing but the observations"),
  option("init", "choice", "orthogonal", "", "initialisation of the weights", {choices = {"orthogonal", "xavier", "kaiming"}}),
  option("last_gain", "number", 0.01, "", "gain of the last layer's initial weights; 0: they are zero", {min = 0}),
  option("bounded", "boolean", false, "", "keeps the mean of a continuous action within its bounds, by tanh; samples are clipped to them"),
  option("log_std", "section", nil, "", "logarithm of the standard deviation of continuous actions", {fields = {
    option("kind", "choice", "free", "", "free: a parameter for each dimension; state: a network's output; fixed: not trained",
      {choices = {"free", "state", "fixed"}}),
    option("init", "number", 0, "", "its initial value"),
  }}),
  -- Without a default, so that recipes from before it keep their hashes.
  option("unit", "choice", nil, "", "what means and deviations of a continuous action are counted in: env, the action's own units, or " ..
    "half_range, half of each dimension's range, so that noise and step sizes are as large in a narrow dimension as in a wide one; " ..
    "default: env", {choices = {"env", "half_range"}}),
  option("action", "dimensions", nil, "",
    "by dimension of the action: bounds such as {-1, 1}, or a constant; default: the env's bounds"),
  option("normalise", "number", false, "",
    "observations become (x − mean) / deviation of all earlier ones, clipped to ± this; constant within an update; " ..
    "false: they are not normalised",
    {optional = true, above = 0}),
  -- Without a default, so that recipes without a start keep their hashes.
  option("start", "start", nil, "", "where it begins: {constant = {diversity = 0.5}}, that action for every observation, or \"runs/…\", " ..
    "the policy of a run (describe start); default: nearly 0, by last_gain"),
}

--- A run or a saved agent, where the text alone does not say which version of it.
schema.saved = {
  option("run", "text", nil, "", "the folder of a run, whose newest checkpoint it is, or an agent's file", {required = true}),
  option("digest", "text", nil, "", "refuses another file than that with this digest; default: the file's"),
}

--- Where a policy begins.
schema.start = {
  option("constant", "baseline", nil, "", "a constant action by dimension, such as {diversity = 0.5}: the mean for every observation; a " ..
    "dimension that is not named begins at the nearest to 0 within its bounds"),
  option("run", "text", nil, "", "or the policy of a run's folder or an agent's file: its parameters, and its statistics of observations"),
  option("digest", "text", nil, "", "of a run: refuses another file than that with this digest; default: the file's"),
}

--- Fields of each kind of optimizer; the defaults are PyTorch's where the algorithm gives none.
local decay = option("decay", "number", 0, "", "weight decay", {min = 0})
local max_value = option("max_value", "number", 0, "", "clips each element of a gradient to ± this; 0: no clipping",
  {min = 0})
local adam = {
  option("beta1", "number", 0.9, "", "decay rate of the mean of gradients", {min = 0, max = 1}),
  option("beta2", "number", 0.999, "", "decay rate of the mean of their squares", {min = 0, max = 1}),
  option("epsilon", "number", 1e-8, "", "added to the denominator", {min = 0}),
  decay, max_value,
}
schema.optimizers = {
  sgd = {
    option("momentum", "number", 0, "", "momentum: decay rate of the velocity", {min = 0, max = 1}),
    option("nesterov", "boolean", false, "", "Nesterov momentum"),
    decay, max_value,
  },
  rmsprop = {
    option("alpha", "number", 0.99, "", "decay rate of the mean of squares", {min = 0, max = 1}),
    option("epsilon", "number", 1e-8, "", "added to the denominator", {min = 0}),
    -- Without a default that is filled in, so that recipes of before keep their hashes.
    option("momentum", "number", nil, "", "momentum: decay rate of the velocity; default: none", {min = 0, max = 1}),
    decay, max_value,
  },
  adam = adam, adamw = adam,
}

schema.train = {
  option("steps", "number", 1e5, "steps", "env steps, summed over all instances and rounded up to whole updates",
    {integer = true, min = 1}),
  option("seed", "number", 1, "", "seed of all random numbers; not part of the hash", {integer = true, min = 0, max = 2 ^ 53}),
  option("warmup", "number", 0, "steps",
    "steps with the mean action of the initial policy before the first update, to measure scales and start the normaliser",
    {integer = true, min = 0}),
  option("checkpoint", "number", 1e5, "steps", "steps between two checkpoints; 0: only at the end",
    {integer = true, min = 0}),
}

schema.eval = {
  option("every", "number", 0, "steps", "steps between two evaluations; 0: only at the end", {integer = true, min = 0}),
  option("episodes", "number", 100, "episodes", "episodes of an evaluation", {integer = true, min = 1, max = 2 ^ 28}),
  option("seed", "number", 900001, "", "seed of the evaluation, separate from training", {integer = true, min = 0,
    max = 2 ^ 53}),
  option("action", "choice", "mean", "", "the mean (or most probable) action, or a sample",
    {choices = {"mean", "sample"}}),
  option("users", "number", 0, "users",
    "users of an evaluation by user and simulated day, for envs with a clock; 0: evaluate whole episodes",
    {integer = true, min = 0, max = 2 ^ 24}),
  option("days", "number", 3, "days", "simulated days of each user", {integer = true, min = 1, max = 10000}),
  option("baseline", "baseline", "ltr", "",
    'what the lift is measured against, on the same users: "ltr" or "zero" (the zero action), a constant action such as ' ..
    '{diversity = 0.5}, or the folder of a run'),
  option("beside", "policies", {}, "",
    'further policies for the last evaluation, by name, on the same users: constant actions or folders of ' ..
    'runs, as in {["best vector"] = {watch = 0.3}}'),
  option("groups", "texts", {}, "",
    "observations that divide users into thirds, for the report's actions by group, as in {\"activity\"}"),
  option("front", "front", false, "",
    "a plot of global vectors and all policies, one response against the sum of others: {x = \"watch_time\", " ..
    "y = {\"like\", \"share\"}, vectors = {{watch = 0.3}, …}}; vectors may be the folder of a cem run (its best " ..
    "trials) or a folder of runs (their policies). Each is evaluated on eval.curve users, with the last evaluation",
    {optional = true}),
  -- Without a default, so that recipes without metrics keep their hashes.
  option("metrics", "metrics", nil, "",
    'ratios of sums, by name: {ctr = ratio("click", "view")} is Σ click / Σ view over all episodes or users, with its ' ..
    'interval over them. Each sum is of a response or "steps"; by user and day also of "sessions" or "count/RESPONSE", how ' ..
    'often it came. Names are letters, digits and _'),
  option("curve", "number", 512, "users", "users of each evaluation before the last, and of the front's vectors",
    {integer = true, min = 2}),
  option("threads", "number", 2, "threads", "threads of an evaluation by user; they change no number", {integer = true, min = 1, max = 64}),
}

--- Fields of eval.front.
schema.front = {
  option("x", "text", nil, "", "the response on the horizontal axis"),
  option("y", "texts", nil, "", "the responses on the vertical axis, summed"),
  option("vectors", "vectors", nil, "",
    "constant actions by dimension, the folder of a cem run, or a folder of runs"),
}

--- Fields of agent.baseline.
schema.control = {
  option("policy", "baseline", "zero", "", 'what serves it: "zero" (the zero action: the base order), a constant action by ' ..
    "dimension, such as {diversity = 0.5}, or the policy of a run's folder or an agent's file, by its mean action; the plan keeps it"),
  option("digest", "text", nil, "", "refuses a saved policy with another digest; default: the file's"),
  option("traffic", "number", 0.02, "", "share of the users who are of it. A simulation has no users to lose: for this share of " ..
    "its instances, and at least 16 where there are as many, it runs twins beside them, who meet the same chances", {above = 0, max = 1}),
  option("salt", "text", "", "", "of a host: decides, with the user's number, who is of it; another salt gives other users (prl.bucket)"),
  option("per", "choice", nil, "", "what lifts are means of: days of a user, whole episodes or steps; default: user_day for " ..
    "envs with a clock, else episode", {choices = {"step", "episode", "user_day"}}),
  option("window", "number", 1000, "units", "lifts are of about the last so many units of the group: what was counted loses " ..
    "weight by e in so many", {min = 1, max = 1e15}),
}

--- A guard of agent.guards.
schema.guard = {
  option("at_least", "bound", nil, "", "the least lift of the response over the control group, as in relative(-0.02); or else"),
  option("at_most", "bound", nil, "", "the most; of kl, how far an update may move the policy, as a number: ppo's metric approx_kl"),
}

--- What agent.guards says beside its guards.
schema.guards = {
  option("confidence", "number", 0.95, "", "of all guards together: where the true lifts are at their bounds, a swap is rolled back " ..
    "with a probability of at most 1 less this, however often they are looked at", {min = 0.5, max = 0.999999}),
  option("days", "number", 3, "d", "each user counts once, by what it comes to in its first days after the swap", {above = 0, max = 10000}),
  option("users", "number", 10000, "users", "users of the control group beside many more of the policy, or half of those of a side " ..
    "where both have as many, at which the intervals are tightest", {min = 1, max = 1e15}),
}

--- Fields of agent.ramp.
schema.ramp = {
  option("shares", "shares", {0.01, 0.1, 1}, "", "of the users, by a hash of their number: whom a policy that is swapped in serves " ..
    "at first, and after each step; ascending, the last one 1"),
  option("after", "number", 2000, "users", "users of the new policy who have counted at a share (guards.days after they entered) " ..
    "before the next one comes, which comes when the guards hold", {integer = true, min = 1, max = 1e15}),
}

--- agent.refit.
schema.refit = {
  option("explained_variance", "number", 0, "", "a critic is done in an update whose steps it explains better than this before it " ..
    "learns from them: 1 − Var(return − value)/Var(return)", {max = 0.999}),
  option("updates", "number", 50, "updates", "after so many the actor goes on all the same", {integer = true, min = 1, max = 1e9}),
}

schema.agent = {
  option("streams", "number", nil, "streams", "slots for streams; default: env.n, or 1024 for a host",
    {integer = true, min = 1, max = 2 ^ 28}),
  option("rows", "number", 0, "rows",
    "capacity for steps that are not learned from yet, including those that wait for a response; further steps are " ..
    "not recorded (dropped_steps); 0: the steps of two updates, and with agent.interval those that wait, too",
    {integer = true, min = 0, max = 2 ^ 28}),
  option("interval", "duration", nil, "s",
    "time between two decisions of a stream, as in \"50 ms\": how many steps wait at once follows from it and the waits of " ..
    "the responses", {above = 0}),
  -- Without a default, so that recipes without a control group keep their hashes.
  option("baseline", "control", nil, "",
    "a control group: users whom a fixed policy serves at the same time, and of whom nothing is learned. Each response has its " ..
    "lift over theirs in the metrics; a constraint may be relative to them"),
  -- Without a default, for the same reason.
  option("guards", "guards", nil, "",
    "what a policy that is swapped in may lose beside the control group: bounds of responses' lifts, and of kl, as in {watch_time = " ..
    "{at_least = relative(-0.005)}, kl = {at_most = 0.05}}. One that is broken rolls the agent back by itself (describe guards)"),
  -- Without a default, for the same reason.
  option("ramp", "ramp", nil, "",
    "the shares of the users whom this recipe serves one after the other where it is swapped in by `perilune swap --mode ramp`, as " ..
    "in {shares = {0.01, 0.1, 1}, after = 2000}; it goes on by the guards (describe ramp)"),
  option("refit", "section", nil, "", "after a swap that gives a critic another reward or discount, the actor waits while the critic " ..
    "learns, until it explains what is new to it; without this section it does not wait (describe refit)",
    {fields = schema.refit, absent = true}),
  option("idle", "duration", 0, "s", "a stream is truncated after this much inactivity; 0: never", {min = 0}),
}

--- Options of every environment that runs by itself.
schema.env = {
  option("n", "number", 8, "envs", "instances that are stepped together", {integer = true, min = 1, max = 2 ^ 20}),
}

schema.response = {
  option("unit", "text", "", "", "unit, for reports"),
  option("missing", "number", 0, "", "value for a step without feedback"),
  option("combine", "choice", "sum", "", "how several reports for one step become one number",
    {choices = schema.combines}),
  option("wait", "duration", 0, "s", 'how long a step waits for it, as in "30 s"', {min = 0}),
}

schema.recipe = {
  option("name", "text", nil, "", "name of the run; default: the file's, as in pendulum-ppo; not part of the hash"),
  option("tags", "texts", {}, "", "words to find the run by; not part of the hash"),
  option("env", "env", nil, "",
    "the environment: {\"cartpole\", n = 8}, {c = \"./mine.so\"}, {lua = \"./mine.lua\"} or {\"host\", …}",
    {required = true}),
  option("objective", "section", nil, "", "what to optimise", {fields = schema.objective}),
  option("policy", "section", nil, "", "the actor", {fields = schema.policy}),
  option("algorithm", "algorithm", nil, "", "how to learn: {\"ppo\", its options}", {required = true}),
  -- Without a default, so that recipes without references keep their hashes.
  option("references", "references", nil, "",
    'policies of other runs that stay as they are, by name, for algorithms that make use of them: {share = "runs/…"}, the folder ' ..
    "of a run or the file of an agent, or {\"runs/…\", digest = \"…\"}, which refuses another one; the plan keeps them"),
  option("train", "section", nil, "", "length and seed of training", {fields = schema.train}),
  option("eval", "section", nil, "", "how the policy is evaluated", {fields = schema.eval}),
  option("agent", "section", nil, "", "capacities of the agent", {fields = schema.agent}),
}

--- What a sweep says beside its base (trainer/sweep.lua checks the values).
schema.sweep = {
  option("base", "recipe", nil, "", "the recipe"),
  option("grid", "table", nil, "", "values of its options, by path"),
  option("seeds", "number", 5, "seeds", "seeds of every point"),
  option("first_seed", "number", 1, "", "the first of them"),
  option("metric", "text", nil, "", "metric that points are ranked by"),
  option("direction", "choice", "maximise", "", "whether greater or smaller values are better", {choices = {"maximise", "minimise"}}),
}

--- What an experiment says beside its arms (experiment.lua checks what is not in this list).
schema.experiment = {
  option("name", "text", nil, "", "its name, also that of its folder", {required = true}),
  option("question", "text", "", "", "what it asks"),
  option("seeds", "number", 3, "seeds", "seeds of training, the same for every arm", {integer = true, min = 1, max = 1000}),
  option("first_seed", "number", 1, "", "the first of them", {integer = true, min = 0, max = 2 ^ 52}),
  option("users", "number", 4096, "users", "users of the judgement, the same for every arm and seed",
    {integer = true, min = 2, max = 2 ^ 24}),
  option("days", "number", 3, "days", "simulated days of each", {integer = true, min = 1, max = 10000}),
  option("user_seed", "number", 900001, "", "seed of these users", {integer = true, min = 0, max = 2 ^ 53}),
  option("responses", "texts", {}, "", "what the table shows; default: what was published, or else everything"),
  option("groups", "texts", {}, "", "observations that divide users into thirds, for actions by group"),
  option("front", "texts", {}, "", 'responses of a front of all arms: the first against the sum of the others'),
  option("over_days", "texts", {}, "", "responses whose lifts are shown by the days of the judgement, too, in up to four parts"),
  option("metrics", "texts", {}, "", "metrics of the training, by their means over its last tenth and as curves"),
  option("served", "boolean", false, "", "judges each policy with its exploration, too: what that costs users"),
}

--- The fields of an experiment's `values`: critics' estimates beside returns, as `perilune values` compares them.
schema.experiment_values = {
  option("users", "number", 512, "users", "users whose steps count", {integer = true, min = 2, max = 2 ^ 20}),
  option("steps", "number", 64, "steps", "steps of each that count", {integer = true, min = 1, max = 2 ^ 20}),
  option("horizon", "number", 128, "steps", "steps that are played beyond them, so that their returns are known",
    {integer = true, min = 0, max = 2 ^ 20}),
  option("policy", "choice", "own", "", "whose policy acts: each arm's own, or the control's for all, on the same rows",
    {choices = {"own", "control"}}),
  option("seed", "number", 800001, "", "seed of these users", {integer = true, min = 0, max = 2 ^ 53}),
}

--- The fields of an experiment's `tune`: the budget that each arm has to be tuned with, on seeds and users of its own.
schema.experiment_tune = {
  option("metric", "text", nil, "", "the response by which the best point of a grid is chosen", {required = true}),
  option("direction", "choice", "maximise", "", "whether greater or smaller values are better", {choices = {"maximise", "minimise"}}),
  option("seeds", "number", 2, "seeds", "seeds of training of each point; one in the fast form", {integer = true, min = 1, max = 1000}),
  option("first_seed", "number", 1001, "", "the first of them", {integer = true, min = 0, max = 2 ^ 52}),
  option("users", "number", 1024, "users", "users by whom points are chosen", {integer = true, min = 2, max = 2 ^ 24}),
  option("days", "number", 1, "days", "simulated days of each", {integer = true, min = 1, max = 10000}),
  option("user_seed", "number", 700001, "", "seed of these users", {integer = true, min = 0, max = 2 ^ 53}),
}

schema.most_lag = 10000 -- updates between acting and learning: PRL_LAG_MOST of perilune/agent.h

--- The fields of an experiment's `ab`: an A/B test of the arms, each learning on its own share of the users.
schema.experiment_ab = {
  option("users", "number", 4096, "users", "users of the test, all shares together", {integer = true, min = 4, max = 2 ^ 20}),
  option("days", "number", 30, "days", "simulated days that it lasts", {integer = true, min = 1, max = 1000}),
  option("from", "number", nil, "days", "the first of the days that its table judges; default: the first of its second half",
    {integer = true, min = 1, max = 1000}),
  option("aa", "text", nil, "", "the arm that has a second share, A/A, with a learner of its own; default: the control"),
}

--- The fields of `ab.fast`.
schema.experiment_ab_fast = {
  option("users", "number", 256, "users", "users of the test; default: no more than `ab` has", {integer = true, min = 4, max = 2 ^ 20}),
  option("days", "number", 4, "days", "simulated days that it lasts; default: no more than `ab` has",
    {integer = true, min = 1, max = 1000}),
  option("from", "number", nil, "days", "the first of the days that its table judges", {integer = true, min = 1, max = 1000}),
}

--- What `--fast` takes in their place.
schema.experiment_fast = {
  option("seeds", "number", 3, "seeds", "seeds of training; default: no more than the whole form has",
    {integer = true, min = 1, max = 1000}),
  option("users", "number", 512, "users", "users of the judgement; default: no more than the whole form has",
    {integer = true, min = 2, max = 2 ^ 24}),
  option("days", "number", 1, "days", "simulated days of each; default: no more than the whole form has",
    {integer = true, min = 1, max = 10000}),
}

--- The option of a list by its name.
function schema.find(options, name)
  for _, candidate in ipairs(options) do
    if candidate.name == name then return candidate end
  end
end

--- The nearest name to a key that a section does not have, as a sentence's end; nil where the key is known, or its
--- section is one that the schema does not list: the options of an environment or an algorithm.
function schema.unknown(path)
  local options = schema.recipe
  local critic = path:match("^objective%.critics%.[^.]+%.(.+)$")
  if critic then path, options = critic, schema.critic end
  local control = path:match("^agent%.baseline%.(.+)$")
  if control then path, options = control, schema.control end
  local guard = path:match("^agent%.guards%.[^.]+%.(.+)$")
  if guard then path, options = guard, schema.guard end
  if path:find("^agent%.guards%.") then return nil end
  local ramp = path:match("^agent%.ramp%.(.+)$")
  if ramp then path, options = ramp, schema.ramp end
  local start = path:match("^policy%.start%.(.+)$")
  if start then path, options = start, schema.start end
  local constraint = path:match("^objective%.constraints%.[^.]+%.(.+)$")
  if constraint then path, options = constraint, schema.constraint end
  for name in path:gmatch("[^.]+") do
    local known = schema.find(options, name)
    if not known then return nearest.hint_or_list(name, schema.names(options)) end
    options = known.fields
    if not options then return nil end
  end
end

function schema.names(options)
  local names = {}
  for i, candidate in ipairs(options) do names[i] = candidate.name end
  return names
end

return schema
