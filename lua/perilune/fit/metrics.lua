--- How good scores are, with weights of rows so that a bootstrap over users is the same computation again.
local metrics = {}

--- Rows in order of their score, for the areas below. Ties keep their order.
function metrics.order(scores)
  local order = {}
  for i = 1, #scores do order[i] = i end
  table.sort(order, function(a, b)
    local x, y = scores[a], scores[b]
    return x < y or (x == y and a < b)
  end)
  return order
end

--- Area under the ROC curve: the chance that a positive row scores above a negative one, ties counting half
--- (Mann–Whitney). rows: in order of score; weight(i) of a row, by user. nil where a class is absent.
function metrics.auc(rows, scores, labels, weights, user)
  local below, positives, area, i, n = 0, 0, 0, 1, #rows
  while i <= n do
    local score, negative, positive = scores[rows[i]], 0, 0
    repeat
      local row = rows[i]
      local w = weights and weights[user[row]] or 1
      if labels[row] == 1 then positive = positive + w else negative = negative + w end
      i = i + 1
    until i > n or scores[rows[i]] ~= score
    area = area + positive * (below + negative / 2)
    below, positives = below + negative, positives + positive
  end
  if below == 0 or positives == 0 then return nil end
  return area / (below * positives)
end

--- Rows in order, apart by group: {rows of the first, …}.
function metrics.by_group(order, group)
  local lists, at = {}, {}
  for _, row in ipairs(order) do
    local g = group[row]
    if not at[g] then
      lists[#lists + 1] = {}
      at[g] = lists[#lists]
    end
    local list = at[g]
    list[#list + 1] = row
  end
  return lists
end

--- The mean over groups of their area, weighted by their rows; groups with one class alone have none.
function metrics.grouped_auc(groups, scores, labels, weights, user)
  local sum, total = 0, 0
  for _, rows in ipairs(groups) do
    local area = metrics.auc(rows, scores, labels, weights, user)
    if area then
      local size = 0
      for _, row in ipairs(rows) do size = size + (weights and weights[user[row]] or 1) end
      sum, total = sum + area * size, total + size
    end
  end
  return total > 0 and sum / total or nil
end

--- −log of the probability that was given to what happened, of each row.
function metrics.log_losses(scores, labels)
  local losses = {}
  for i = 1, #scores do
    local p = math.min(math.max(scores[i], 1e-7), 1 - 1e-7)
    losses[i] = -math.log(labels[i] == 1 and p or 1 - p)
  end
  return losses
end

function metrics.squares(scores, labels)
  local squares = {}
  for i = 1, #scores do
    local off = scores[i] - labels[i]
    squares[i] = off * off
  end
  return squares
end

--- weights: by user; without them the plain mean.
function metrics.mean(values, weights, user)
  local sum, total = 0, 0
  for i = 1, #values do
    local w = weights and weights[user[i]] or 1
    sum, total = sum + w * values[i], total + w
  end
  return sum / total
end

--- The values of some rows, in their order.
function metrics.pick(values, rows)
  local list = {}
  for k, i in ipairs(rows) do list[k] = values[i] end
  return list
end

--- Calibration: rows in order of score, in `count` parts of equal size: {{predicted, observed, rows, low, high}, …};
--- low … high: the observed share's 95 % interval (Wilson 1927). Also the mean |predicted − observed|.
function metrics.calibration(order, scores, labels, count)
  local bins, gap, n = {}, 0, #order
  for b = 1, count do
    local first, last = math.floor((b - 1) * n / count) + 1, math.floor(b * n / count)
    local size, predicted, observed = last - first + 1, 0, 0
    if size > 0 then
      for k = first, last do
        predicted, observed = predicted + scores[order[k]], observed + labels[order[k]]
      end
      predicted, observed = predicted / size, observed / size
      local z = 1.96
      local centre = (observed + z * z / (2 * size)) / (1 + z * z / size)
      local half = z / (1 + z * z / size) * math.sqrt(observed * (1 - observed) / size + z * z / (4 * size * size))
      bins[#bins + 1] = {predicted = predicted, observed = observed, rows = size,
        low = math.max(centre - half, 0), high = math.min(centre + half, 1)}
      gap = gap + size * math.abs(predicted - observed) / n
    end
  end
  return bins, gap
end

--- Values of statistic(weights) over resamples of users: draws(u) gives u numbers in (0, 1). Returns for each key of the
--- statistic's result the 2.5 % and 97.5 % quantiles: {key = {low, high}}.
function metrics.bootstrap(users, resamples, draws, statistic)
  local values = {}
  for _ = 1, resamples do
    local weights, random = {}, draws(users)
    for u = 0, users - 1 do weights[u] = 0 end
    for u = 1, users do
      local k = math.min(math.floor(random[u] * users), users - 1)
      weights[k] = weights[k] + 1
    end
    for key, value in pairs(statistic(weights)) do
      values[key] = values[key] or {}
      table.insert(values[key], value)
    end
  end
  local intervals = {}
  for key, list in pairs(values) do
    table.sort(list)
    local function quantile(q)
      local at = 1 + q * (#list - 1)
      local low = math.floor(at)
      return list[low] + (at - low) * ((list[low + 1] or list[low]) - list[low])
    end
    intervals[key] = {quantile(0.025), quantile(0.975)}
  end
  return intervals
end

return metrics
