--- The nearest valid name, which messages about unknown ones suggest.

local nearest = require("perilune.nearest").find

describe("nearest", function()
  local words = {"train", "eval", "check", "describe", "compare", "report"}

  it("finds a word with swapped, missing, added or changed letters", function()
    assert.equal("train", nearest("trian", words))
    assert.equal("check", nearest("chek", words))
    assert.equal("report", nearest("reports", words))
    assert.equal("compare", nearest("Compere", words))
  end)

  it("finds nothing where nothing is near", function()
    assert.is_nil(nearest("xyzzy", words))
    assert.is_nil(nearest("", words))
  end)
end)
