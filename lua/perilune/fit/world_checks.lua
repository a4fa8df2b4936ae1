--- What a fitted world is worth: calibration, areas, spreads, how the two models agree, and a replay beside the log.
local prl = require "perilune"
local calibrate = require "perilune.fit.calibrate"
local metrics = require "perilune.fit.metrics"
local play = require "perilune.fit.play"

local checks = {}

local pick = metrics.pick

local QUANTILES = {0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99}
local SHORT = 3 -- seconds: a play that is cut short
local REQUESTS, CANDIDATES = 400, 64 -- drawn to see how scores differ among what one user might be shown
local BINS = 10

local function variance(values)
  local mean, sum = metrics.mean(values), 0
  for i = 1, #values do
    local off = values[i] - mean
    sum = sum + off * off
  end
  return sum / #values
end

local function deviation(values) return math.sqrt(variance(values)) end

local function correlation(a, b)
  local mean_a, mean_b, sum, aa, bb = metrics.mean(a), metrics.mean(b), 0, 0, 0
  for i = 1, #a do
    local x, y = a[i] - mean_a, b[i] - mean_b
    sum, aa, bb = sum + x * y, aa + x * x, bb + y * y
  end
  return sum / math.sqrt(aa * bb + 1e-30)
end
checks.correlation = correlation

--- Predictions of scores: probabilities of logistic heads.
local function predictions(scores, logistic)
  if not logistic then return scores end
  local p = {}
  for i = 1, #scores do p[i] = calibrate.sigmoid(scores[i]) end
  return p
end

--- Σ predicted / Σ observed, and how well scores tell rows apart: {ratio, auc, log_loss, calibration | rmse}.
local function judge(scores, labels, logistic)
  local predicted = predictions(scores, logistic)
  local result = {ratio = metrics.mean(predicted) / (metrics.mean(labels) + 1e-30)}
  if logistic then
    local order = metrics.order(scores)
    result.auc = metrics.auc(order, scores, labels)
    result.log_loss = metrics.mean(metrics.log_losses(predicted, labels))
    result.calibration = metrics.calibration(order, predicted, labels, BINS)
  else
    result.rmse = math.sqrt(metrics.mean(metrics.squares(scores, labels)))
  end
  return result
end

--- Requests drawn from the world: users at random, candidates by the pools' weights. {user, item} places from 1.
local function draw_requests(context, video, weight)
  local cumulated, total, requests = {}, 0, {}
  for k, w in ipairs(weight) do
    total = total + w
    cumulated[k] = total
  end
  local draws = prl.rand(REQUESTS * (CANDIDATES + 1)):totable()
  local at = 0
  local function draw()
    at = at + 1
    return draws[at]
  end
  for r = 1, REQUESTS do
    local request = {user = math.min(math.floor(draw() * context.users.count) + 1, context.users.count)}
    for c = 1, CANDIDATES do
      local target, low, high = draw() * total, 1, #cumulated
      while low < high do
        local middle = math.floor((low + high) / 2)
        if cumulated[middle] < target then low = middle + 1 else high = middle end
      end
      request[c] = video[low] + 1
    end
    requests[r] = request
  end
  return requests
end

--- Logits of one head of one model for each request, without the hour: {{logit of each candidate}, …}.
local function logits(tables, requests, head, factors)
  local all = {}
  for r, request in ipairs(requests) do
    local p, b, list = tables.user[request.user][head], tables.user_bias[request.user][head], {}
    for c = 1, CANDIDATES do
      local q, sum = tables.item[request[c]], b + tables.item_bias[request[c]][head]
      for d = 1, factors do sum = sum + p[d] * q[d] end
      list[c] = sum
    end
    all[r] = list
  end
  return all
end

--- Deviations of a head's logits between users (of the means of their requests) and within one request.
local function spread(all)
  local means, inside = {}, 0
  for r, list in ipairs(all) do
    means[r] = metrics.mean(list)
    inside = inside + variance(list) / #all
  end
  return {users = deviation(means), request = math.sqrt(inside)}
end

--- The deviation between groups that outputs leave unexplained, in their own unit, by moments: with residuals r and slopes
--- w = p(1 − p) (1 where a head is not logistic), σ² = Σ_g [(Σ r)² − Σ r²] / Σ_g [(Σ w)² − Σ w²]; 0 where that is below 0.
local function unexplained(scores, labels, groups, logistic)
  local residual, residual2, slope, slope2 = {}, {}, {}, {}
  for i = 1, #scores do
    local g, p = groups[i], logistic and calibrate.sigmoid(scores[i]) or scores[i]
    local r, w = labels[i] - p, logistic and p * (1 - p) or 1
    residual[g], residual2[g] = (residual[g] or 0) + r, (residual2[g] or 0) + r * r
    slope[g], slope2[g] = (slope[g] or 0) + w, (slope2[g] or 0) + w * w
  end
  local above, below = 0, 0
  for g, sum in pairs(residual) do
    above, below = above + sum * sum - residual2[g], below + slope[g] * slope[g] - slope2[g]
  end
  return math.sqrt(math.max(above / (below + 1e-30), 0))
end
checks.unexplained = unexplained

--- How two models agree: about users, and about the candidates of one request (the mean over requests).
local function agreement(a, b)
  local of_a, of_b, inside = {}, {}, 0
  for r = 1, #a do
    of_a[r], of_b[r] = metrics.mean(a[r]), metrics.mean(b[r])
    inside = inside + correlation(a[r], b[r]) / #a
  end
  return {users = correlation(of_a, of_b), request = inside}
end

--- The world's draws on the log's own impressions beside what happened there: play times and every rate. drawn: the
--- world's ln(1 + s) of each row.
local function replay(context, model, added, drawn, rows, heads)
  local times, seen, watch = {}, {}, context.recipe.play.head
  local long = {world = 0, log = metrics.mean(pick(model.made.values.long_view, rows))}
  for k, i in ipairs(rows) do
    local seconds = context.duration(i)
    times[k], seen[k] = math.exp(drawn[k]) - 1, math.exp(model.made.values[watch][i]) - 1
    if times[k] >= play.long_view(seconds) then long.world = long.world + 1 / #rows end
  end
  local result = {rows = #rows, rates = {long_view = long}}
  for _, head in ipairs(heads) do
    if added[head].rate then
      result.rates[head] = {world = added[head].rate, log = metrics.mean(pick(model.made.values[head], rows))}
    end
  end
  local function figures(list)
    local short, whole, sorted = 0, 0, {}
    for k, t in ipairs(list) do
      local seconds = context.duration(rows[k])
      sorted[k] = t
      if t < SHORT then short = short + 1 end
      if seconds > 0 and t >= seconds then whole = whole + 1 end
    end
    table.sort(sorted)
    local quantiles = {}
    for k, q in ipairs(QUANTILES) do quantiles[k] = play.quantile(sorted, q) end
    return {mean = metrics.mean(list), short = short / #list, whole = whole / #list, quantiles = quantiles}
  end
  result.at, result.world, result.log = QUANTILES, figures(times), figures(seen)
  return result
end

--- Figures of a fitted world; see world.run for the arguments.
function checks.run(context, models, added, drawn_times, entries, heads, progress)
  local recipe, tensors = context.recipe, {}
  for _, entry in ipairs(entries) do tensors[entry[1]] = entry[2] end
  prl.seed(recipe.train.seed)
  local requests = draw_requests(context, tensors["pool/video"]:totable(), tensors["pool/weight"]:totable())
  local known = {}
  for which in pairs(models) do
    known[which] = {}
    for _, key in ipairs {"user", "user_bias", "item", "item_bias"} do known[which][key] = tensors[which .. "/" .. key]:totable() end
  end
  local result = {heads = {}, order = heads, users = context.users.count, items = context.items.count,
    days = recipe.splits.response, ranker_days = recipe.splits.ranker, held = recipe.context.held,
    rows = {log = context.log.rows, ranker = #context.rows.ranker, response = #context.rows.response},
    pool = tensors["pool/offset"]:totable()}
  for k, head in ipairs(heads) do
    local logistic, entry, drawn = recipe.heads[head].loss == "logistic", {}, {}
    progress("judging", k, #heads)
    for which, model in pairs(models) do
      local values, other = model.made.values[head], context.rows[which == "ranker" and "response" or "ranker"]
      local positives = 0
      for _, i in ipairs(model.rows) do positives = positives + (logistic and values[i] or 0) end
      local own, abroad = context.moment[which], context.moment[which == "ranker" and "response" or "ranker"]
      drawn[which] = logits(known[which], requests, k, recipe.model.factors)
      entry[which] = {
        positives = logistic and positives or nil, slope = model.slope[head], spread = spread(drawn[which]),
        fitted = judge(pick(model.scores[head], own), pick(values, own), logistic),
        apart = judge(pick(model.apart[head], model.rows), pick(values, model.rows), logistic),
        other = judge(pick(model.abroad[head], other), pick(values, other), logistic),
        other_held = judge(pick(model.abroad[head], abroad), pick(values, abroad), logistic),
      }
    end
    local moment, groups = context.moment.response, {users = {}, items = {}}
    for r, i in ipairs(moment) do groups.users[r], groups.items[r] = context.user_of(i), context.item_of(i) end
    local apart, labels = pick(models.response.apart[head], moment), pick(models.response.made.values[head], moment)
    entry.unexplained = {users = unexplained(apart, labels, groups.users, logistic),
      items = unexplained(apart, labels, groups.items, logistic)}
    entry.agreement = agreement(drawn.response, drawn.ranker)
    local own = added[head]
    if own.rate then
      entry.time_slope, entry.own = {value = own.slope, error = own.error}, {users = own.users.sigma, items = own.items.sigma}
    end
    result.heads[head] = entry
  end
  result.replay = replay(context, models.response, added, drawn_times, context.moment.response, heads)
  return result
end

return checks
