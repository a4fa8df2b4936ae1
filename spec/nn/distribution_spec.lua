--- Distributions: densities, entropies, divergences and samples agree with one another.

local prl = require "perilune"
local distribution = prl.distribution

local function close(a, b, tolerance)
  assert.is_true(math.abs(a - b) <= (tolerance or 1e-5) * (1 + math.abs(b)), a .. " ~ " .. b)
end

--- The mean of f over many draws of the distribution, each row one.
local function sample_mean(make, draws, f)
  return f(make, make:sample(draws)):mean():item()
end

describe("distributions", function()
  before_each(function() prl.seed(5) end)

  it("categorical: density, entropy, divergence and samples agree", function()
    local n = 20000
    local logits = prl.full({n, 3}, 0) + prl.tensor {0, 1, -1}
    local pi = distribution.categorical(logits)
    local z = 1 + math.exp(1) + math.exp(-1)
    close(pi:log_prob(prl.full({n, 1}, 1))[1], 1 - math.log(z))
    close(sample_mean(pi, prl.rand(n, 1), function(d, a) return -d:log_prob(a) end), pi:entropy()[1], .02)
    close(pi:kl(pi)[1], 0)
    assert.are.equal(1, pi:mean():get(1, 1))
  end)

  it("multi-categorical: sums over its parts", function()
    local pi = distribution.multi_categorical(prl.tensor {{0, 0, 0, 0, 0}}, {2, 3})
    close(pi:log_prob(prl.tensor {{1, 2}})[1], -math.log(6))
    close(pi:entropy()[1], math.log(6))
  end)

  it("multi-categorical: has more parts than one concat takes", function()
    local choices, logits = {}, {}
    for i = 1, 70 do
      choices[i] = 2
      logits[2 * i - 1], logits[2 * i] = 0, i == 70 and 5 or -5
    end
    local pi = distribution.multi_categorical(prl.tensor {logits}, choices)
    assert.are.same({1, 70}, pi:sample(prl.rand(1, 70)):shape())
    assert.are.same({1, 140}, pi:log_probs():shape())
    assert.are.same({0, 1}, {pi:mean():get(1, 69), pi:mean():get(1, 70)})
  end)

  it("bernoulli: exact where 1 − p rounds to 0", function()
    local pi = distribution.bernoulli(prl.tensor {{40}})
    close(pi:log_prob(prl.tensor {{0}})[1], -40)
    assert.is_true(pi:log_prob(prl.tensor {{1}})[1] < 0 or pi:log_prob(prl.tensor {{1}})[1] == -math.exp(-40))
    close(distribution.bernoulli(prl.tensor {{0, 0}}):entropy()[1], 2 * math.log(2))
  end)

  it("normal: density in the tail, entropy and divergence", function()
    local p = distribution.normal(prl.tensor {{1, 2}}, prl.tensor {0, math.log(2)})
    close(p:log_prob(prl.tensor {{1, 2}})[1], -math.log(2 * math.pi) - math.log(2))
    close(p:log_prob(prl.tensor {{1001, 2}})[1], -.5e6 - math.log(2 * math.pi) - math.log(2), 1e-6)
    close(p:entropy():item(), math.log(2 * math.pi * math.exp(1)) + math.log(2))
    local q = distribution.normal(prl.tensor {{0, 2}}, prl.tensor {0, 0})
    close(p:kl(q)[1], .5 + (-math.log(2) + 2 - .5))
  end)

  it("tanh-normal: the density keeps its tail, and integrates to one", function()
    local pi = distribution.tanh_normal(prl.tensor {{0}}, prl.tensor {0})
    -- u = 12: tanh u is 1 in float32, and 1 − tanh² u = 4 e^−24
    close(pi:log_prob_raw(prl.tensor {{12}})[1], -72 - .5 * math.log(2 * math.pi) - math.log(4) + 24, 1e-4)
    local n = 4000
    local many = distribution.tanh_normal(prl.zeros(n, 1), prl.tensor {0})
    local a = ((prl.arange(n) - .5) * (2 / n) - 1):view(n, 1)
    local sum = many:log_prob(a):exp():sum():item() * 2 / n
    close(sum, 1, 2e-3)
  end)

  it("squashed: the density of the change of variables, by hand, and it integrates to one between the bounds", function()
    local mean, log_std, draw, low, high = {.3, -.2}, {-.5, .1}, {.7, -1.1}, {-1, 0}, {2, 5}
    local pi = distribution.squashed(prl.tensor {mean}, prl.tensor {log_std}, low, high)
    local action, log_prob = pi:sample_with_log_prob(prl.tensor {draw})
    local wanted = 0
    for i = 1, 2 do
      local raw, half = mean[i] + math.exp(log_std[i]) * draw[i], (high[i] - low[i]) / 2
      local tanh = 1 - 2 / (math.exp(2 * raw) + 1)
      close(action[1][i], (low[i] + high[i]) / 2 + half * tanh, 1e-5)
      wanted = wanted - draw[i] ^ 2 / 2 - log_std[i] - .5 * math.log(2 * math.pi) - math.log(half * (1 - tanh ^ 2))
    end
    close(log_prob[1], wanted, 1e-5)
    close(pi:log_prob(action)[1], wanted, 1e-4)
    assert.error_matches(function() distribution.squashed(prl.zeros(1, 1), prl.zeros(1), {1}, {1}) end,
      "bounds 1 are 1 and 1; finite numbers are needed", 1, true)
    close(pi:entropy(prl.tensor {draw})[1], -wanted, 1e-5)
    assert.is_true(pi:sample(prl.tensor {draw}) == action)
    close(pi:mean()[1][1], .5 + 1.5 * (1 - 2 / (math.exp(.6) + 1)), 1e-5)
    local n = 4000
    local many = distribution.squashed(prl.zeros(n, 1), prl.zeros(n, 1), {-1}, {2})
    local a = ((prl.arange(n) - .5) * (3 / n) - 1):view(n, 1)
    close(many:log_prob(a):exp():sum():item() * 3 / n, 1, 2e-3)
  end)

  it("state-dependent: an action by its matrix, and the density of the marginal by hand, which draws of matrices have", function()
    local mean, low, high = {.3, -.2}, {-1, 0}, {2, 5}
    local features, log_std = {.5, 0, -2}, {{-1, -.5}, {3, 3}, {-2, -1.5}} -- (F, n)
    local draws, own = {.7, -1.1, 9, 9, .4, .2}, {-.3, 1.2} -- of W (F, n), row after row; of the marginal
    local function gsde(n)
      local function rows(list) return prl.zeros(n, #list) + prl.tensor {list} end
      return distribution.state_dependent(rows(mean), rows(features), prl.tensor(log_std), low, high)
    end
    local pi = gsde(1)
    local sample, action, log_prob = pi:sample(prl.tensor {draws}), pi:sample_with_log_prob(prl.tensor {own})
    local wanted = 0
    for d = 1, 2 do
      local noise, variance, half = 0, 1e-6, (high[d] - low[d]) / 2
      for f = 1, 3 do
        noise = noise + features[f] * math.exp(log_std[f][d]) * draws[2 * (f - 1) + d]
        variance = variance + (features[f] * math.exp(log_std[f][d])) ^ 2
      end
      close(sample[1][d], low[d] + half * (1 + math.tanh(mean[d] + noise)), 1e-5)
      local raw = mean[d] + math.sqrt(variance) * own[d]
      close(action[1][d], low[d] + half * (1 + math.tanh(raw)), 1e-5)
      wanted = wanted - own[d] ^ 2 / 2 - .5 * math.log(2 * math.pi * variance) - math.log(half * (1 - math.tanh(raw) ^ 2))
      close(pi:mean()[1][d], low[d] + half * (1 + math.tanh(mean[d])), 1e-5)
    end
    close(log_prob[1], wanted, 1e-4)
    close(pi:log_prob(action)[1], wanted, 1e-4)
    close(pi:entropy(prl.tensor {own})[1], -wanted, 1e-4)
    local n = 40000 -- E log p of its own draws is −H, which draws of the marginal estimate, too
    local many = gsde(n)
    local by_matrix = many:log_prob(many:sample(prl.with_seed(3, prl.randn, n, 6))):mean():item()
    close(by_matrix, -many:entropy(prl.with_seed(4, prl.randn, n, 2)):mean():item(), .02)
  end)

  it("ε-greedy: the mixture's density, also where ε is 0 or values are equal", function()
    local values, epsilon = prl.tensor {{1, 3, 2}, {5, 5, 0}}, .3
    local pi = distribution.epsilon_greedy(values, epsilon)
    for choice, wanted in ipairs {.1, .8, .1} do
      close(pi:log_prob(prl.tensor {{choice - 1}, {0}})[1], math.log(wanted), 1e-5)
    end
    close(pi:log_probs()[2][1], math.log(.8), 1e-5) -- the first of the greatest
    assert.same({{1}, {0}}, pi:mean():totable())
    close(pi:log_probs():exp():sum():item(), 2, 1e-5)
    local count, n = {0, 0, 0}, 30000
    local drawn = distribution.epsilon_greedy(prl.tensor {{1, 3, 2}} + prl.zeros(n, 1), prl.full({}, epsilon)):sample(
      prl.with_seed(3, prl.rand, n, 1)):totable()
    for i = 1, n do count[drawn[i][1] + 1] = count[drawn[i][1] + 1] + 1 end
    for choice, wanted in ipairs {.1, .8, .1} do close(count[choice] / n, wanted, .01) end
    local greedy = distribution.epsilon_greedy(values, 0)
    close(greedy:log_prob(prl.tensor {{1}, {0}})[1], 0, 1e-6)
    assert.is_true(greedy:log_prob(prl.tensor {{0}, {0}})[1] < -60)
  end)
end)
