--- Small regressions on scores that are already there: slope, shift and time's effect of one head.
local mean = require("perilune.fit.metrics").mean

local calibrate = {}

local STEPS, RIDGE = 25, 1e-6

local function sigmoid(x) return 1 / (1 + math.exp(-x)) end
calibrate.sigmoid = sigmoid

--- Solves a x = b for a symmetric positive a (lists of lists), by Gauss–Jordan; returns x and the diagonal of a⁻¹.
local function solve(a, b)
  local n, rows = #b, {}
  for i = 1, n do
    rows[i] = {}
    for j = 1, n do rows[i][j], rows[i][n + j] = a[i][j], i == j and 1 or 0 end
    rows[i][2 * n + 1] = b[i]
  end
  for i = 1, n do
    local pivot = rows[i][i]
    for j = 1, 2 * n + 1 do rows[i][j] = rows[i][j] / pivot end
    for k = 1, n do
      if k ~= i then
        local factor = rows[k][i]
        for j = 1, 2 * n + 1 do rows[k][j] = rows[k][j] - factor * rows[i][j] end
      end
    end
  end
  local x, diagonal = {}, {}
  for i = 1, n do x[i], diagonal[i] = rows[i][2 * n + 1], rows[i][n + i] end
  return x, diagonal
end

--- The most likely w of P(label = 1) = σ(offset + Σ_j w_j x_j), by Newton's method from 0. columns: {x_1, …}, each with a
--- value for each row, or the number 1 for an intercept. Returns w and the standard error of each.
function calibrate.logistic(offset, columns, labels)
  local n, w, errors = #columns, {}, {}
  for j = 1, n do w[j] = 0 end
  for _ = 1, STEPS do
    local gradient, hessian, x = {}, {}, {}
    for j = 1, n do
      gradient[j], hessian[j] = -RIDGE * w[j], {}
      for k = 1, n do hessian[j][k] = j == k and RIDGE or 0 end
    end
    for i = 1, #labels do
      local z = offset[i]
      for j = 1, n do
        local column = columns[j]
        x[j] = column == 1 and 1 or column[i]
        z = z + w[j] * x[j]
      end
      local p = sigmoid(z)
      local spread = p * (1 - p)
      for j = 1, n do
        gradient[j] = gradient[j] + (labels[i] - p) * x[j]
        local row = hessian[j]
        for k = 1, n do row[k] = row[k] + spread * x[j] * x[k] end
      end
    end
    local step, variance = solve(hessian, gradient)
    local size = 0
    for j = 1, n do
      step[j] = math.max(math.min(step[j], 2), -2) -- far from the top the quadratic says too much
      w[j], errors[j], size = w[j] + step[j], math.sqrt(variance[j]), math.max(size, math.abs(step[j]))
    end
    if size < 1e-9 then break end
  end
  return w, errors
end

--- How far scores must be stretched about their mean to fit labels that they were not trained on (Cox 1958): the slope.
function calibrate.slope(scores, labels, logistic)
  local centre = mean(scores)
  if logistic then
    local deviations, centres = {}, {}
    for i = 1, #scores do deviations[i], centres[i] = scores[i] - centre, centre end
    return calibrate.logistic(centres, {1, deviations}, labels)[2]
  end
  local across, along, middle = 0, 0, mean(labels)
  for i = 1, #scores do
    local x = scores[i] - centre
    across, along = across + x * (labels[i] - middle), along + x * x
  end
  return across / (along + RIDGE)
end

--- What must be added to every score so that the sum of predictions is the sum of labels.
function calibrate.shift(scores, labels, logistic)
  if logistic then return calibrate.logistic(scores, {1}, labels)[1] end
  return mean(labels) - mean(scores)
end

return calibrate
