--- No learning: everybody gets the vector that a search starts from, 0 in each dimension (or the bound of
--- `policy.action` that is nearest to 0, or the number that it holds). It costs no trial, and its report is a yardstick.
local fixed = {
  summary = "learns nothing: the zero action for everybody",
  actions = {"continuous"},
  options = {},
}

function fixed.search() end

return fixed
