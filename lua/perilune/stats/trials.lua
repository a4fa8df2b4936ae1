--- What a search for one action for everybody (trainer/drivers/search.lua) found, and what its trials cost users: as
--- fractions, and as sentences from `search` of a run's run.json.

local format = require "perilune.format"

local trials = {}

--- How the trials' main response compares with that of the starting vector on the same users, as fractions: of all trials,
--- and of the worst tenth of them. tried, beside: of each trial; nil where the starting vector gave nothing.
function trials.lifts(tried, beside)
  local lifts, all, worst = {}, 0, 0
  for i, one in ipairs(tried) do
    if beside[i] == 0 then return nil end
    lifts[i] = (one - beside[i]) / math.abs(beside[i])
    all = all + lifts[i]
  end
  table.sort(lifts)
  local tenth = math.ceil(#lifts / 10)
  for i = 1, tenth do worst = worst + lifts[i] end
  return all / #lifts, worst / tenth
end

local function more_or_less(value) return ("%.1f %% %s"):format(math.abs(100 * value), value < 0 and "less" or "more") end

--- A dimension's value.
function trials.number(value)
  local text = ("%.3f"):format(value)
  return tonumber(text) == 0 and "0" or text
end

--- The vector by the names of its dimensions, as a recipe's eval.baseline takes it.
function trials.vector(found)
  local parts = {}
  for i, one in ipairs(found.vector) do parts[i] = ("%s = %s"):format(one.name, trials.number(one.value)) end
  return "{" .. table.concat(parts, ", ") .. "}"
end

--- What the trials cost: sentences; none where there was no trial.
function trials.cost(found)
  if found.trials == 0 then return {} end
  local lines = {("%s trials served %s user-days, %s requests, with vectors under test."):format(
    format.grouped(found.trials), format.grouped(found.user_days), format.grouped(found.requests))}
  if found.lift then
    lines[2] = ("In them users gave %s %s than under %s; in the worst tenth of the trials %s."):format(
      more_or_less(found.lift), found.response, found.start, more_or_less(found.worst))
  end
  return lines
end

--- Who gets the action: "the same for everybody", or what it is linear in.
function trials.whose(found)
  if not found.observes then return "the same for everybody" end
  return ("linear in %s, in their deviations from the mean"):format(table.concat(found.observes, ", "))
end

--- All of it as lines for a terminal.
function trials.text(found)
  local lines = trials.cost(found)
  lines[#lines + 1] = ("%s, %s: %s"):format(found.trials > 0 and "Found" or "The action", trials.whose(found),
    trials.vector(found))
  return table.concat(lines, "\n") .. "\n"
end

return trials
