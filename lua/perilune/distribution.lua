--- Distributions over rows of actions, made of ops, so that they run both eagerly and in programs. Every one has
---   log_prob(action) → (rows)          entropy() → (rows) or a scalar      kl(other) → (rows): KL(self ‖ other)
---   sample(draws) → action (rows, n)   mean() → (rows, n): the mean, or the most probable action
---   detach() → the same with its numbers as constants
--- (a point has neither entropy nor divergence). action is (rows, n), float32; draws are inputs, (rows, n): standard normals
--- for continuous actions, uniforms in (0, 1) for discrete ones. `draws` of a distribution is n where it is fixed.
local join = require "perilune.columns"
local options = require "perilune.options"
local prl = require "perilune"

local distribution = {}

--- The same with its numbers as constants, through which no gradient goes.
local function detach(value)
  if type(value) == "userdata" then return value:detach() end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, part in pairs(value) do copy[key] = detach(part) end
  return setmetatable(copy, getmetatable(value))
end

local function class(about, methods)
  methods.__index, methods.detach = methods, detach
  return options.strict(about, "method", methods)
end

local function rows_of(column) return column:reshape(-1) end

-- ---- Categorical: logits (rows, n), actions (rows, 1), from 0; one uniform a row ----

local Categorical = class("categorical", {draws = 1})

--- logits (rows, n) → a distribution over choices (rows, 1), counted from 0.
function distribution.categorical(logits)
  options.need_kind("prl.distribution.categorical: its logits", logits, "tensor")
  return setmetatable({logits = logits, log_p = false}, Categorical)
end

--- Log-probabilities (rows, n), computed once.
function Categorical:log_softmax()
  self.log_p = self.log_p or self.logits:log_softmax() -- once, also where another table stands before this one
  return self.log_p
end

function Categorical:log_prob(action) return rows_of(self:log_softmax():gather(2, action)) end

--- Log-probabilities of all choices (rows, n).
function Categorical:log_probs() return self:log_softmax() end

function Categorical:entropy()
  local log_p = self:log_softmax()
  return -(log_p:exp() * log_p):sum(2)
end

function Categorical:kl(other)
  local log_p = self:log_softmax()
  return (log_p:exp() * (log_p - other:log_softmax())):sum(2)
end

function Categorical:sample(draws) return prl.categorical_sample(self.logits, draws, "float32") end
function Categorical:mean() return self.logits:argmax(2, true):cast "float32" end

-- ---- ε-greedy over values: the greatest one with 1 − ε, any of them with ε (Watkins 1989) ----

--- values (rows, n); epsilon: a number or a scalar → a distribution over choices (rows, 1): a categorical, whose density is that
--- of the mixture.
function distribution.epsilon_greedy(values, epsilon)
  options.need_kind("prl.distribution.epsilon_greedy: its values", values, "tensor")
  local choices = values:size(2)
  local ids = {}
  for i = 1, choices do ids[i] = i - 1 end
  local greedy = prl.eq(prl.tensor(ids), values:argmax(2, true):cast "float32")
  local floor = epsilon * (1 / choices)
  return distribution.categorical((greedy * (1 - epsilon) + floor):clamp(1e-30, 1):log())
end

-- ---- Independent categoricals: logits (rows, Σ n), actions (rows, #n) ----

local Multi = class("multi_categorical", {})

--- logits (rows, Σ choices), choices: a list of counts → a distribution over rows of choices (rows, #choices).
function distribution.multi_categorical(logits, choices)
  options.list("prl.distribution.multi_categorical", choices)
  local parts, first = {}, 1
  for i, n in ipairs(choices) do
    parts[i] = distribution.categorical(logits:slice(2, first, first + n - 1))
    first = first + n
  end
  return setmetatable({parts = parts, draws = #choices}, Multi)
end

local function sum_parts(self, term)
  local sum
  for i, part in ipairs(self.parts) do
    local value = term(part, i)
    sum = sum and sum + value or value
  end
  return sum
end

local function join_parts(self, term)
  local columns = {}
  for i, part in ipairs(self.parts) do columns[i] = term(part, i) end
  return join(columns)
end

function Multi:log_prob(action)
  return sum_parts(self, function(part, i) return part:log_prob(action:slice(2, i, i)) end)
end

--- Log-probabilities of all choices (rows, Σ choices), those of one dimension after those of the previous one.
function Multi:log_probs() return join_parts(self, function(part) return part:log_probs() end) end

function Multi:entropy() return sum_parts(self, function(part) return part:entropy() end) end
function Multi:kl(other) return sum_parts(self, function(part, i) return part:kl(other.parts[i]) end) end

function Multi:sample(draws)
  return join_parts(self, function(part, i) return part:sample(draws:slice(2, i, i)) end)
end

function Multi:mean() return join_parts(self, function(part) return part:mean() end) end

-- ---- Bernoulli: logits (rows, n), actions 0 or 1; exact in the tails, where 1 − σ(z) is 0 in float32 ----

local Bernoulli = class("bernoulli", {})

--- logits (rows, n) → a distribution over 0 or 1 in each column.
function distribution.bernoulli(logits)
  options.need_kind("prl.distribution.bernoulli: its logits", logits, "tensor")
  return setmetatable({logits = logits}, Bernoulli)
end

function Bernoulli:log_prob(action) return -prl.bce_with_logits(self.logits, action, "none"):sum(2) end

--- H = softplus(z) − z σ(z)
function Bernoulli:entropy() return (self.logits:softplus() - self.logits * self.logits:sigmoid()):sum(2) end

--- Σ p (z_p − z_q) − softplus(z_p) + softplus(z_q)
function Bernoulli:kl(other)
  local p, q = self.logits, other.logits
  return (p:sigmoid() * (p - q) - p:softplus() + q:softplus()):sum(2)
end

function Bernoulli:sample(draws) return prl.lt(draws, self.logits:sigmoid()) end
function Bernoulli:mean() return prl.gt(self.logits, 0) end

-- ---- Diagonal Gaussian: mean (rows, n), log_std (rows, n) or (n) ----

local Normal = class("normal", {})

--- mean (rows, n), log_std (rows, n) or (n) → a diagonal Gaussian.
function distribution.normal(mean, log_std)
  options.need_kind("prl.distribution.normal: its mean", mean, "tensor")
  options.need_kind("prl.distribution.normal: its log_std", log_std, "tensor")
  return setmetatable({mu = mean, log_std = log_std}, Normal)
end

function Normal:log_prob(action) return prl.normal_log_prob(action, self.mu, self.log_std) end

--- Σ log σ + ½ log 2πe, a scalar where log_std does not depend on the row
function Normal:entropy() return (self.log_std + .5 * math.log(2 * math.pi * math.exp(1))):sum(-1) end

--- Σ log(σ_q/σ_p) + (σ_p² + (μ_p − μ_q)²)/(2 σ_q²) − ½
function Normal:kl(other)
  local ratio = ((self.log_std - other.log_std) * 2):exp()
  local shift = ((self.mu - other.mu) * (-other.log_std):exp()):square()
  return (other.log_std - self.log_std + (ratio + shift) * .5 - .5):sum(-1)
end

function Normal:sample(draws) return self.mu + self.log_std:exp() * draws end
function Normal:mean() return self.mu end

--- The same with its deviation times a factor, a number or a scalar.
function Normal:widen(factor)
  local log = type(factor) == "number" and math.log(factor) or factor:log()
  return distribution.normal(self.mu, self.log_std + log)
end

-- ---- A point: the action (rows, n) with certainty ----

local Point = class("point", {draws = 0})

--- action (rows, n) → the distribution that has it with certainty.
function distribution.point(action)
  options.need_kind("prl.distribution.point: its action", action, "tensor")
  return setmetatable({action = action}, Point)
end

--- The logarithm of its probability (rows): 0.
function Point:log_prob() return rows_of(self.action:slice(2, 1, 1)) * 0 end

function Point:sample() return self.action end
function Point:mean() return self.action end

-- ---- Gaussian squashed by tanh into (−1, 1) (Haarnoja et al. 2018, appendix C) ----

local TanhNormal = class("tanh_normal", {})

--- mean (rows, n), log_std (rows, n) or (n), of the Gaussian before tanh.
function distribution.tanh_normal(mean, log_std)
  return setmetatable({inner = distribution.normal(mean, log_std)}, TanhNormal)
end

--- Σ log(1 − tanh² u) = Σ 2 (log 2 − u − softplus(−2u)), which keeps its precision where tanh u rounds to ±1
local function log_slope(u) return ((math.log(2) - u - (u * -2):softplus()) * 2):sum(2) end

--- The log-density (rows) of a = tanh u from u (rows, n) itself: exact in the tails.
function TanhNormal:log_prob_raw(u) return self.inner:log_prob(u) - log_slope(u) end

function TanhNormal:log_prob(action)
  local a = action:clamp(-1 + 2 ^ -24, 1 - 2 ^ -24)
  return self:log_prob_raw((a:log1p() - (-a):log1p()) * .5)
end

--- There is no closed form: the estimate −log p (rows) from one sample, for draws (rows, n).
function TanhNormal:entropy(draws)
  if not draws then error("tanh_normal: its entropy is an estimate from a sample; give draws", 2) end
  return -self:log_prob_raw(self.inner:sample(draws))
end

--- Squashing does not change the divergence.
function TanhNormal:kl(other) return self.inner:kl(other.inner) end
function TanhNormal:sample(draws) return self.inner:sample(draws):tanh() end
function TanhNormal:mean() return self.inner.mu:tanh() end

-- ---- The same between bounds: a = centre + half · tanh u ----

local Squashed = class("squashed", {})

--- mean, log_std (rows, n) of the Gaussian before tanh; low, high: lists of n finite numbers.
function distribution.squashed(mean, log_std, low, high)
  local centre, half, slope, about = {}, {}, 0, "prl.distribution.squashed"
  options.list(about, low)
  options.list(about, high)
  for i, least in ipairs(low) do
    if not (type(least) == "number" and type(high[i]) == "number" and least < high[i] and high[i] - least < math.huge) then
      options.refuse("%s: bounds %d are %s and %s; finite numbers are needed, the first of them less", about, i, tostring(least),
        tostring(high[i]))
    end
    centre[i], half[i] = (least + high[i]) / 2, (high[i] - least) / 2
    slope = slope + math.log(half[i])
  end
  return setmetatable({unit = distribution.tanh_normal(mean, log_std), centre = prl.tensor(centre), half = prl.tensor(half),
    slope = slope}, Squashed)
end

function Squashed:to_env(unit) return self.centre + self.half * unit end
function Squashed:log_prob(action) return self.unit:log_prob((action - self.centre) / self.half) - self.slope end

--- A sample (rows, n) for draws (rows, n) and its log-density (rows), which is exact in the tails.
function Squashed:sample_with_log_prob(draws)
  local raw = self.unit.inner:sample(draws)
  return self:to_env(raw:tanh()), self.unit:log_prob_raw(raw) - self.slope
end

function Squashed:entropy(draws) return self.unit:entropy(draws) + self.slope end
function Squashed:kl(other) return self.unit:kl(other.unit) end
function Squashed:sample(draws) return self:to_env(self.unit:sample(draws)) end
function Squashed:mean() return self:to_env(self.unit:mean()) end

-- ---- The same with noise that depends on the state (Raffin et al. 2022, "Smooth exploration for robotic reinforcement
-- learning", section 4.1) ----

local StateDependent = class("state_dependent", {})

--- mean (rows, n); features φ (rows, F), log_std (F, n): before tanh an action is mean + Wᵀ φ, W (F, n) with independent
--- W_fd ~ N(0, exp(log_std_fd)²). While W lasts, like states have like noise. Of one row its density is that of a Gaussian with
--- the variance Σ_f φ_f² exp(2 log_std_fd) in dimension d, plus 1e-6, so that there is one where all features are 0.
function distribution.state_dependent(mean, features, log_std, low, high)
  options.need_kind("prl.distribution.state_dependent: its features", features, "tensor")
  options.need_kind("prl.distribution.state_dependent: its log_std", log_std, "tensor")
  local variance = prl.matmul(features:square(), (log_std * 2):exp()) + 1e-6
  return setmetatable({marginal = distribution.squashed(mean, variance:log() * .5, low, high), mu = mean, features = features,
    log_std = log_std}, StateDependent)
end

--- The action for draws (rows, F · n), those of W.
function StateDependent:sample(draws)
  local inputs, n = self.log_std:size(1), self.log_std:size(2)
  local noise = (self.features:reshape(-1, inputs, 1) * self.log_std:exp() * draws:reshape(-1, inputs, n)):sum(2)
  return self.marginal:to_env((self.mu + noise):tanh())
end

--- For draws (rows, n) of its own in each row: what a loss over rows needs, of which no two share a W.
function StateDependent:sample_with_log_prob(draws) return self.marginal:sample_with_log_prob(draws) end
function StateDependent:log_prob(action) return self.marginal:log_prob(action) end
function StateDependent:entropy(draws) return self.marginal:entropy(draws) end
function StateDependent:kl(other) return self.marginal:kl(other.marginal) end
function StateDependent:mean() return self.marginal:mean() end

return options.strict("prl.distribution", "function", distribution)
