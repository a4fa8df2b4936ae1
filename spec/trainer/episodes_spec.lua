--- The table of an evaluation.

local episodes = require "perilune.trainer.judges.episodes"

describe("the table of an evaluation", function()
  local responses = {{name = "watch", unit = "s", combine = "sum"}, {name = "gap", unit = "h", combine = "last"}}

  local function text(gap)
    return episodes.text({values = {watch = {0, 0}, gap = gap}, length = {3, 5}}, responses)
  end

  it("says that a response did not come, which is not the same as 0", function()
    assert.truthy(text({0, 0}):find("gap %(h%)%s+did not come yet"))
    assert.truthy(text({0, 4}):find("gap %(h%)%s+2 ±"))
    assert.truthy(text({0, 0}):find("watch %(s%)%s+0 ")) -- a sum of nothing is 0
  end)
end)
