--- The figures of a fit: each head's scores beside two baselines (the training mean, and the item's mean), with
--- intervals from a bootstrap over users.
local metrics = require "perilune.fit.metrics"

local evaluate = {}

local ITEM_STRENGTH = 10 -- prior rows at the training mean, before an item's own
local BINS = 10

--- Scores of the baseline that knows the item alone: (Σ + strength·mean) / (n + strength) over the training rows.
local function item_means(values, item, training, judged, mean)
  local sums, counts, scores = {}, {}, {}
  for _, i in ipairs(training) do
    local id = item(i)
    sums[id], counts[id] = (sums[id] or 0) + values[i], (counts[id] or 0) + 1
  end
  for _, i in ipairs(judged) do
    local id = item(i)
    scores[#scores + 1] = ((sums[id] or 0) + ITEM_STRENGTH * mean) / ((counts[id] or 0) + ITEM_STRENGTH)
  end
  return scores
end

--- One set of scores of one head, ready for weights: of(weights) → {auc, user_auc, group_auc, log_loss} or {rmse}.
local function judge(scores, rows, labels, logistic)
  if not logistic then
    local squares = metrics.squares(scores, labels)
    return {of = function(weights) return {rmse = math.sqrt(metrics.mean(squares, weights, rows.user))} end}
  end
  local order, losses = metrics.order(scores), metrics.log_losses(scores, labels)
  local groups = rows.group and metrics.by_group(order, rows.group)
  local users, lone = metrics.by_group(order, rows.user), {}
  for k, list in ipairs(users) do -- a user is drawn whole: the area within does not change
    local area = metrics.auc(list, scores, labels)
    if area then lone[#lone + 1] = {user = rows.user[list[1]], area = area, size = #list} end
    users[k] = nil
  end
  return {
    order = order,
    of = function(weights)
      local sum, total = 0, 0
      for _, one in ipairs(lone) do
        local w = (weights and weights[one.user] or 1) * one.size
        sum, total = sum + w * one.area, total + w
      end
      return {
        auc = metrics.auc(order, scores, labels, weights, rows.user),
        user_auc = total > 0 and sum / total or nil,
        group_auc = groups and metrics.grouped_auc(groups, scores, labels, weights, rows.user),
        log_loss = metrics.mean(losses, weights, rows.user),
      }
    end,
  }
end

local function mean_of(judges, weights)
  local sums, counts = {}, {}
  for _, one in ipairs(judges) do
    for key, value in pairs(one.of(weights)) do sums[key], counts[key] = (sums[key] or 0) + value, (counts[key] or 0) + 1 end
  end
  for key in pairs(sums) do sums[key] = sums[key] / counts[key] end
  return sums
end

--- training, judged: rows. runs: scores of the judged rows for each seed, {head = {score, …}}. Returns {head = {loss,
--- rows, positives, ranker, item_mean, constant = {key = {value, low, high}}, seeds = {key = {value of each seed}}, calibration, gap}}.
function evaluate.heads(recipe, made, training, judged, runs, options)
  local log, result = recipe.log, {}
  local function ids(field)
    local id, list, at, count = made.fields[field].id, {}, {}, 0
    for _, i in ipairs(judged) do
      local key = id(i)
      if not at[key] then
        at[key] = count
        count = count + 1
      end
      list[#list + 1] = at[key]
    end
    return list, count
  end
  local rows = {}
  local user_ids, users = ids(log.user)
  rows.user = user_ids
  rows.group = log.group and ids(log.group) or nil
  local done = 0
  for _, head in ipairs(made.heads) do
    local values, labels, positives = made.values[head], {}, 0
    local logistic = recipe.heads[head].loss == "logistic"
    for _, i in ipairs(judged) do
      labels[#labels + 1] = values[i]
      positives = positives + (logistic and values[i] or 0)
    end
    local constant = {}
    for i = 1, #labels do constant[i] = made.priors[head] end
    local kinds = {
      ranker = {}, constant = {judge(constant, rows, labels, logistic)},
      item_mean = {judge(item_means(values, made.fields[log.item].id, training, judged, made.priors[head]), rows,
        labels, logistic)},
    }
    for k, scores in ipairs(runs) do kinds.ranker[k] = judge(scores[head], rows, labels, logistic) end
    local entry = {loss = recipe.heads[head].loss, rows = #labels, positives = logistic and positives or nil, seeds = {}}
    for kind, judges in pairs(kinds) do
      local intervals = metrics.bootstrap(users, options.resamples, options.draws, function(weights)
        done = done + 1
        if options.progress then options.progress("judging", done, 3 * options.resamples * #made.heads, head) end
        return mean_of(judges, weights)
      end)
      entry[kind] = {}
      for key, value in pairs(mean_of(judges)) do
        local interval = intervals[key] or {}
        entry[kind][key] = {value = value, low = interval[1], high = interval[2]}
      end
    end
    for _, one in ipairs(kinds.ranker) do
      for key, value in pairs(one.of()) do
        entry.seeds[key] = entry.seeds[key] or {}
        table.insert(entry.seeds[key], value)
      end
    end
    if logistic then
      entry.calibration, entry.gap = metrics.calibration(kinds.ranker[1].order, runs[1][head], labels, BINS)
    end
    result[head] = entry
  end
  return result
end

return evaluate
