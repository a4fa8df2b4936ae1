--- Columns side by side: the op concat takes up to 8 tensors at once, and a network may have more.
local prl = require "perilune"

return function(columns)
  while #columns > 1 do
    local joined = {}
    for first = 1, #columns, 8 do
      local part = {}
      for i = first, math.min(first + 7, #columns) do part[#part + 1] = columns[i] end
      joined[#joined + 1] = #part == 1 and part[1] or prl.concat(part, 2)
    end
    columns = joined
  end
  return columns[1]
end
